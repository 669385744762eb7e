// How tensor and pipeline parallelism divide the ranks: a table, rank = stage × shards + shard.
import { element } from "./element.js";

export function splitTable(ranks, tp, pp) {
  const stages = [...Array(pp).keys()];
  const shards = [...Array(tp).keys()];
  const head = stages.map((stage) => element("th", { scope: "col", text: `stage ${stage}` }));
  const rows = shards.map((shard) => {
    const cells = stages.map((stage) => {
      const rank = ranks[stage * tp + shard];
      return element(
        "td",
        {},
        element("b", { text: String(rank.rank) }),
        element("span", { class: "hint", text: rank.node }),
      );
    });
    return element("tr", {}, element("th", { scope: "row", text: `shard ${shard}` }), ...cells);
  });
  const table = element(
    "table",
    { class: "split" },
    element("caption", { class: "unseen", text: "Ranks by pipeline stage and tensor shard" }),
    element("thead", {}, element("tr", {}, element("td", {}), ...head)),
    element("tbody", {}, ...rows),
  );
  return element("div", { class: "split-frame" }, table);
}
