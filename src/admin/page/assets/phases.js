// @ts-check
// The phases of a debug run, each with its time as it happens.

import { badge, h, put } from "./dom.js";
import { classOf } from "./entry_text.js";
import { toneOf, words } from "./session.js";

const TICK_MS = 50;

/** @param {boolean} done @param {string} text @param {number} ms */
const line = (done, text, ms) =>
  h(
    "li",
    { class: done ? "done" : "running" },
    h("span", { class: "mark", "aria-hidden": "true" }, done ? "✓" : "◌"),
    ` ${text} `,
    h("span", { class: "n" }, `${Math.max(0, Math.round(ms))} ms`),
  );

export class Phases {
  constructor() {
    this.node = h("ol", { class: "phases", "aria-label": "Phases of the debug run" });
    this.began = 0;
    this.accepted = 0;
    /** The instants at which each step began, as far as they are known. @type {(number | null)[]} */
    this.times = [];
    /** How far the database's time is ahead of the browser's. */
    this.ahead = 0;
    this.ticking = 0;
  }

  /** Begins anew: the request was accepted. @param {number} began when the button was pressed */
  begin(began) {
    this.began = began;
    this.accepted = performance.now() - began;
    this.times = [];
    this.draw();
    this.ticking = window.setInterval(() => this.draw(), TICK_MS);
  }

  /** How far the attempt is. @param {UnderWay["phases"]} known */
  tell(known) {
    this.times = words.steps.map(({ since }) => {
      const at = known[since];
      return at ? Date.parse(at) : null;
    });
    this.ahead = Date.parse(known.at) - Date.now();
  }

  draw() {
    const now = Date.now() + this.ahead;
    const steps = words.steps.map(({ text }, at) => {
      const [from, to] = [this.times[at], this.times[at + 1]];
      return from ? line(Boolean(to), text, (to ?? now) - from) : null;
    });
    put(this.node, line(true, "request stored and published", this.accepted), steps);
  }

  /** Each phase with the time that the worker measured. @param {Entry} entry */
  finish(entry) {
    this.stop();
    const measured = words.phases.map(({ name, done }) => {
      const ms = entry.timings_ms[name];
      return done && ms !== undefined ? line(true, done, ms) : null;
    });
    const all = `${Math.round(performance.now() - this.began)} ms from the press`;
    const tone = toneOf(entry.class);
    put(
      this.node,
      line(true, "request stored and published", this.accepted),
      measured,
      h("li", { class: tone }, badge(tone, classOf(entry)), " ", h("span", { class: "n" }, all)),
    );
  }

  stop() {
    window.clearInterval(this.ticking);
  }
}
