// One answer: its text as it streams in, its timing, and how it ended.
import { element } from "./element.js";
import { milliseconds, plural, rate } from "./units.js";

export class Answer {
  #asked = performance.now();
  #first = null;
  #last = null;
  #pieces = 0;
  #usage = null;
  #finish = null;
  text = "";

  constructor() {
    this.body = element("p", { class: "words" });
    this.foot = element("p", { class: "hint", text: "waiting for the first token" });
    this.view = element(
      "article",
      { class: "turn answer busy", "aria-busy": "true" },
      element("h3", { class: "who", text: "Model" }),
      this.body,
      this.foot,
    );
  }

  take(event) {
    if (event.error) throw new Error(event.error.message ?? String(event.error));
    this.#usage = event.usage ?? this.#usage;
    const choice = event.choices?.[0];
    if (!choice) return;
    this.#finish = choice.finish_reason ?? this.#finish;
    const piece = choice.delta?.content ?? "";
    if (piece === "") return;
    this.#last = performance.now();
    this.#first ??= this.#last;
    this.#pieces += 1;
    this.text += piece;
    this.body.append(piece);
    this.foot.textContent = this.#timing().join(" · ");
  }

  // `how`: what ended it where the model did not; `failed`: that was an error.
  end(how, failed) {
    this.view.classList.remove("busy");
    this.view.setAttribute("aria-busy", "false");
    this.foot.textContent = [...this.#timing(), ...this.#tokens()].join(" · ");
    const said = how ?? { length: "cut at max tokens", content_filter: "filtered" }[this.#finish];
    if (said) this.view.append(element("p", { class: failed ? "trouble" : "hint", role: failed ? "alert" : "note", text: said }));
    if (this.foot.textContent === "") this.foot.remove();
  }

  #timing() {
    if (this.#first === null) return [];
    const seconds = (this.#last - this.#first) / 1000;
    const speed = this.#count() > 1 && seconds > 0 ? [`${rate((this.#count() - 1) / seconds)} tokens/s`] : [];
    return [`first token ${milliseconds(this.#first - this.#asked)}`, ...speed];
  }

  #tokens() {
    return this.#usage ? [plural(this.#usage.completion_tokens, "token")] : [];
  }

  // Until the server counts them at the end, pieces stand for tokens.
  #count() {
    return this.#usage?.completion_tokens ?? this.#pieces;
  }
}
