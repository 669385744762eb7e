// One line that says whether the server answers, and if not, why.
const line = document.getElementById("state");
const words = line.querySelector(".words");
let lastWords = null; // why it was not ready when it was heard last

// `cluster` null: nothing was heard of it, `why` says what came instead.
export function showState(cluster, why, retryInS) {
  if (cluster === null) {
    const before = lastWords ? ` Its last words: ${lastWords}.` : "";
    return say("gone", `${why}.${before} Trying again in ${retryInS} s`);
  }
  lastWords = why;
  const out = cluster.replicas.filter((replica) => !replica.ready);
  if (out.length === 0 && !why) return say("ready", "Ready");
  if (out.length === cluster.replicas.length) return say("gone", why ? `Not ready: ${why}` : "Not ready");
  const names = out.map((replica) => replica.name).join(", ");
  return say("part", `Ready, without replica ${names}`);
}

function say(state, text) {
  line.dataset.state = state;
  // A screen reader hears what changes: the same words are not said each second.
  if (words.textContent !== text) words.textContent = text;
}
