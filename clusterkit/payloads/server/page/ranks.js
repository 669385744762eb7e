// Nodes with their ranks: place in the model, device, memory.
import { element } from "./element.js";
import { bytes, bytesOf } from "./units.js";

export function memoryOf(rank) {
  return rank.device_memory_bytes ?? Math.max(rank.memory_bytes ?? 0, rank.peak_memory_bytes ?? 0);
}

// The nodes of a replica in the order of their ranks, and what writes new figures into them.
export function nodeCards(ranks, tp, pp) {
  const onNode = new Map();
  const rows = ranks.map((rank, index) => {
    const row = rankRow(rank, partOf(index, tp, pp));
    if (!onNode.has(rank.node)) onNode.set(rank.node, []);
    onNode.get(rank.node).push(row.item);
    return row;
  });
  const cards = [...onNode].map(([name, items]) => {
    const here = ranks.filter((rank) => rank.node === name);
    const head = element("h4", {}, name, " ", element("span", { class: "hint", text: devicesOf(here) }));
    return element("section", { class: "node" }, head, element("ul", {}, ...items));
  });
  const update = (now, widest) => now.forEach((rank, index) => rows[index]?.update(rank, widest));
  return { nodes: element("div", { class: "nodes" }, ...cards), update };
}

// "2 × NVIDIA H200" once for the node; each rank says which one is its own.
function devicesOf(ranks) {
  const counts = new Map();
  for (const { device, device_name } of ranks) {
    const name = device_name ?? device ?? "";
    counts.set(name, (counts.get(name) ?? new Set()).add(device));
  }
  return [...counts].map(([name, devices]) => (devices.size > 1 ? `${devices.size} × ${name}` : name)).join(", ");
}

function partOf(index, tp, pp) {
  const stage = pp > 1 ? `stage ${Math.floor(index / tp)}` : "";
  const shard = tp > 1 ? `shard ${index % tp}` : "";
  return [stage, shard].filter(Boolean).join(", ") || "whole model";
}

function rankRow(rank, part) {
  const used = element("span", { class: "used" });
  const peak = element("span", { class: "peak" });
  const figures = element("span", { class: "memory" });
  const marks = rank.rank === 0 ? [element("span", { class: "mark", text: "answers HTTP" })] : [];
  const item = element(
    "li",
    { class: "rank", "data-rank": rank.rank },
    element("span", { class: "rank-name", text: `rank ${rank.rank}` }),
    element("span", { class: "rank-part", text: rank.device_name ? `${part}, ${rank.device}` : part }),
    ...marks,
    figures,
    element("span", { class: "gauge", "aria-hidden": "true" }, used, peak),
  );
  return { item, update };

  function update(now, widest) {
    const full = now.device_memory_bytes ?? widest;
    used.style.width = percent(now.memory_bytes, full);
    peak.style.left = percent(now.peak_memory_bytes, full);
    peak.hidden = now.peak_memory_bytes == null;
    const most = now.peak_memory_bytes == null ? "" : `, peak ${bytes(now.peak_memory_bytes)}`;
    const text = bytesOf(now.memory_bytes, now.device_memory_bytes) + most;
    if (figures.textContent !== text) figures.textContent = text;
  }
}

function percent(part, whole) {
  return `${Math.min(100, ((part ?? 0) / whole) * 100).toFixed(1)}%`;
}
