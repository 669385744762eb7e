// The cluster: replicas, how each is split, and its nodes with their ranks.
import { element } from "./element.js";
import { nodeCards, memoryOf } from "./ranks.js";
import { splitTable } from "./split.js";
import { bytes, plural } from "./units.js";

const place = document.getElementById("map");
const scale = document.getElementById("scale");
let built = "";
let refresh = [];

export function showMap(cluster) {
  const ranks = cluster.replicas.flatMap((replica) => replica.ranks ?? []);
  // Built again when the cluster changes; each second only figures do, so selections and focus stay.
  const shape = JSON.stringify([cluster.tp, cluster.pp, cluster.replicas.map(outline)]);
  if (shape !== built) {
    build(cluster);
    built = shape;
  }
  const widest = Math.max(1, ...ranks.map(memoryOf));
  for (const update of refresh) update(cluster, widest);
  scale.hidden = ranks.length === 0;
  const own = ranks.some((rank) => rank.device_memory_bytes);
  const full = own ? "the device's memory" : `the most of any rank, ${bytes(widest)}`;
  scale.textContent = `Bars: memory in use now; the mark: its peak; full width: ${full}.`;
}

function outline(replica) {
  const ranks = (replica.ranks ?? []).map((rank) => [rank.rank, rank.node, rank.device, rank.device_name]);
  return [replica.name, replica.ready, ranks];
}

function build(cluster) {
  const { replicas, tp, pp } = cluster;
  const parts = tp * pp > 1 ? [plural(pp, "pipeline stage"), plural(tp, "tensor shard")] : ["one rank, not split"];
  if (replicas.length > 1) parts.unshift(plural(replicas.length, "replica"));
  document.getElementById("split").textContent = parts.join(" × ");
  refresh = [];
  place.replaceChildren(...replicas.map((replica, index) => replicaCard(cluster, replica, index)));
}

function replicaCard({ replicas, tp, pp }, replica, index) {
  const ranks = replica.ranks ?? [];
  const card = element("article", { class: replica.ready ? "replica" : "replica out" });
  if (replicas.length > 1 || !replica.ready) {
    const load = element("span", { class: "hint number" });
    const state = replica.ready ? "serves" : "out: no request goes to it";
    card.append(
      element("h3", {}, `Replica ${replica.name} `, element("span", { class: "mark", text: state }), load),
    );
    refresh.push((now) => {
      const { running, queued } = now.replicas[index];
      load.textContent = `${running ?? 0} running, ${queued ?? 0} queued`;
    });
  }
  if (ranks.length === 0) card.append(element("p", { class: "hint", text: "Its ranks are not known." }));
  if (ranks.length > 1 && ranks.length === tp * pp) card.append(splitTable(ranks, tp, pp));
  const { nodes, update } = nodeCards(ranks, tp, pp);
  refresh.push((now, widest) => update(now.replicas[index].ranks ?? [], widest));
  card.append(nodes);
  return card;
}
