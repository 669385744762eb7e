// Tokens per second over time, as one SVG path with its area; times without figures are gaps.
import { drawing } from "./element.js";
import { rate } from "./units.js";

const WIDTH = 120;
const HEIGHT = 40;
const chart = document.getElementById("chart");
const area = chart.appendChild(drawing("path", { class: "area" }));
const line = chart.appendChild(drawing("path", { class: "line", "vector-effect": "non-scaling-stroke" }));
const most = document.getElementById("chart-most");

export function drawRates(seen, from, to) {
  const known = seen.filter((each) => each.rate !== null);
  const highest = Math.max(0, ...known.map((each) => each.rate));
  const top = highest || 1;
  const runs = unbroken(seen).map((run) =>
    run.map((each) => [
      (((each.at - from) / (to - from)) * WIDTH).toFixed(2),
      (HEIGHT - 1 - (each.rate / top) * (HEIGHT - 4)).toFixed(2),
    ]),
  );
  line.setAttribute("d", runs.map(stroke).join(""));
  area.setAttribute("d", runs.map((run) => `${stroke(run)}L${run.at(-1)[0]} ${HEIGHT}L${run[0][0]} ${HEIGHT}Z`).join(""));
  most.textContent = highest ? `most ${rate(highest)}` : "";
  const now = seen.at(-1)?.rate ?? null;
  chart.setAttribute("aria-label", `Tokens per second, last two minutes: now ${now === null ? "unknown" : rate(now)}, most ${rate(highest)}`);
}

function unbroken(seen) {
  const runs = [[]];
  for (const each of seen) {
    if (each.rate === null) runs.push([]);
    else runs.at(-1).push(each);
  }
  return runs.filter((run) => run.length > 0);
}

function stroke(points) {
  return `M${points.map((point) => point.join(" ")).join("L")}`;
}
