// The chat: what was said, and one answer at a time.
import { Answer } from "./answer.js";
import { element } from "./element.js";
import { postJson } from "./server.js";
import { eventsOf } from "./stream.js";

const talk = document.getElementById("talk");
const welcome = document.getElementById("welcome");
const prompt = document.getElementById("prompt");
const send = document.getElementById("send");
const stop = document.getElementById("stop");
let said = [];
let running = null;
let atEnd = true;

// `model` gives the name of what is served; `refused` hears of a key that was missing or wrong.
export function openChat({ model, refused }) {
  const ask = () => {
    const text = prompt.value.trim();
    if (text !== "" && running === null) answer(text, model(), refused);
  };
  document.getElementById("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  prompt.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    ask();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") running?.abort();
  });
  stop.addEventListener("click", () => running?.abort());
  document.getElementById("reset").addEventListener("click", reset);
  talk.addEventListener("scroll", () => {
    atEnd = talk.scrollHeight - talk.scrollTop - talk.clientHeight < 48;
  });
  new ResizeObserver(follow).observe(talk);
}

async function answer(text, model, refused) {
  const mine = (running = new AbortController());
  const shown = new Answer();
  const question = element("article", { class: "turn question" }, element("h3", { class: "who", text: "You" }), element("p", { class: "words", text }));
  welcome.hidden = true;
  talk.append(question, shown.view);
  atEnd = true;
  follow();
  prompt.value = "";
  working(true);
  const messages = [...said, { role: "user", content: text }];
  try {
    const response = await postJson("v1/chat/completions", body(model, messages), mine.signal);
    for await (const event of eventsOf(response)) {
      shown.take(event);
      follow();
    }
    shown.end();
  } catch (error) {
    const stopped = mine.signal.aborted;
    shown.end(stopped ? "stopped" : error.message, !stopped);
    if (error.status === 401) refused();
  }
  // A reset meanwhile began another conversation.
  if (running !== mine) return;
  running = null;
  if (shown.text) said = [...messages, { role: "assistant", content: shown.text }];
  else if (prompt.value === "") prompt.value = text; // to be sent again
  working(false);
  follow();
}

function body(model, messages) {
  const system = document.getElementById("system").value.trim();
  const [temperature, most] = ["temperature", "max-tokens"].map((id) => document.getElementById(id).valueAsNumber);
  return {
    model,
    messages: system ? [{ role: "system", content: system }, ...messages] : messages,
    stream: true,
    stream_options: { include_usage: true },
    ...(Number.isNaN(temperature) ? {} : { temperature }),
    ...(Number.isNaN(most) ? {} : { max_tokens: most }),
  };
}

// Keep the end in sight, unless the reader has scrolled up.
function follow() {
  if (atEnd) talk.scrollTop = talk.scrollHeight;
}

function working(now) {
  const held = document.activeElement;
  send.hidden = now;
  stop.hidden = !now;
  if (held === send || held === stop) prompt.focus();
}

function reset() {
  const last = running;
  running = null;
  last?.abort();
  said = [];
  talk.replaceChildren(welcome);
  welcome.hidden = false;
  working(false);
  prompt.focus();
}
