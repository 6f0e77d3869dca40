// @ts-check
// What stands above and below the terminal's entries: its state, its counts and its buttons.

import { h, mark, put, write } from "./dom.js";
import { foot, pill, waits } from "./terminal_words.js";
import { plural } from "./text.js";

/** @type {Record<string, string>} */
const MARKS = { live: "●", wait: "◌", warn: "▲", bad: "✕", off: "❚❚" };

/**
 * What is known of a terminal.
 * @typedef {object} Known
 * @property {{name: string, why: string, since: number}} state
 * @property {boolean} paused
 * @property {import("./arrivals.js").Arrivals} arrivals
 * @property {import("./past.js").Past} past
 * @property {number} loaded
 * @property {(string | undefined)[]} warnings
 */

export class TerminalHead {
  /**
   * @param {"h1" | "h2"} level
   * @param {Child} filters
   * @param {Child} picked
   * @param {{pause: () => void, copyAll: () => void}} act
   */
  constructor(level, filters, picked, act) {
    this.count = h("strong", { class: "count" }, "0");
    this.older = h("span", { class: "muted" });
    this.pill = h("span", { class: "pill", role: "status" });
    this.pause = h("button", { "aria-pressed": "false", click: act.pause }, "Pause");
    this.said = "";
    this.waits = h("span", { class: "waits", role: "status" });
    this.download = h("a", { class: "button", download: "terminal-logs.jsonl" }, "Download JSON lines");
    this.trust = h("p", { class: "trust" });
    this.foot = h("div", { class: "foot muted" });
    this.node = h(
      "div",
      { class: "terminal-head" },
      h(
        "div",
        { class: "line" },
        h(level, {}, "Token refresh terminal ", h("span", { class: "sub" }, "worker + debug")),
        this.pill,
        h("span", { class: "counted" }, this.count, " ", this.older),
        h(
          "span",
          { class: "actions" },
          this.waits,
          this.pause,
          h("button", { click: act.copyAll }, "Copy all"),
          this.download,
        ),
      ),
      filters,
      this.trust,
      picked,
    );
  }

  /** Says all that is known. @param {Known} known */
  tell({ state, paused, arrivals, past, loaded, warnings }) {
    this.tellState(...pill(state, paused, Date.now()));
    write(this.count, plural(loaded, "entry", "entries"));
    write(this.older, past.next ? "loaded, more below" : loaded ? "in all" : "");
    write(this.waits, waits(arrivals, paused));
    write(this.pause, paused || arrivals.any ? "Resume" : "Pause");
    mark(this.pause, "aria-pressed", String(paused));
    write(this.trust, warnings.map((warning) => `▲ ${warning}`).join(" "));
    write(this.foot, foot(past, loaded));
  }

  /** @param {Tone} tone @param {string} text */
  tellState(tone, text) {
    const look = `pill ${tone}`;
    if (this.pill.className === look && this.said === text) return;
    this.pill.className = look;
    this.said = text;
    put(this.pill, h("span", { "aria-hidden": "true" }, MARKS[tone]), ` ${text}`);
  }
}
