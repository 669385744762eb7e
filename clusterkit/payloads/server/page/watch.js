// Looks at the cluster each second; less often while that fails, and not at all in a hidden tab.
import { getJson, whyNotReady } from "./server.js";

const EVERY_MS = 1000;
const AT_MOST_EVERY_MS = 15000;
const WITHIN_MS = 5000;

export function watchCluster({ seen, failed }) {
  let timer = null;
  let wait = EVERY_MS;
  let looking = false;
  let again = false;

  async function look() {
    timer = null;
    if (document.hidden) return;
    if (looking) {
      again = true;
      return;
    }
    looking = true;
    try {
      const cluster = await getJson("cluster", WITHIN_MS);
      const isReady = cluster.replicas.length > 0 && cluster.replicas.every((replica) => replica.ready);
      const why = isReady ? null : (cluster.failure ?? (await whyNotReady(WITHIN_MS)));
      wait = EVERY_MS;
      seen(cluster, why);
    } catch (error) {
      wait = Math.min(wait * 2, AT_MOST_EVERY_MS);
      failed(error, wait / 1000);
    }
    looking = false;
    timer = setTimeout(look, again ? 0 : wait);
    again = false;
  }

  function now() {
    clearTimeout(timer);
    wait = EVERY_MS;
    look();
  }

  document.addEventListener("visibilitychange", now);
  now();
  return { now };
}
