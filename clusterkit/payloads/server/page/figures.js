// What the server does at this moment, in figures, and its last two minutes in a line.
import { drawRates } from "./chart.js";
import { count, duration, rate } from "./units.js";

const LAST_MS = 120_000;
const seen = [];

// `cluster` null: nothing is known of now, which the line shows as a gap.
export function showFigures(cluster) {
  const now = Date.now();
  seen.push({ at: now, rate: cluster?.tokens_per_s ?? null });
  while (seen[0].at < now - LAST_MS) seen.shift();
  drawRates(seen, now - LAST_MS, now);
  document.body.classList.toggle("stale", cluster === null);
  if (cluster === null) {
    write("rate", "–");
    return;
  }
  write("rate", rate(cluster.tokens_per_s));
  write("running", count(cluster.running));
  write("queued", count(cluster.queued));
  write("slots", count(cluster.slots));
  write("tokens", count(cluster.tokens));
  write("context", count(cluster.context));
  write("uptime", duration(cluster.uptime_s));
  const versions = Object.entries(cluster.versions ?? {}).filter(([, version]) => version);
  write("versions", versions.map(([name, version]) => `${name} ${version}`).join(" · "));
}

function write(id, text) {
  const place = document.getElementById(id);
  if (place.textContent !== text) place.textContent = text;
}
