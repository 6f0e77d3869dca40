// @ts-check
// The health of all in a sentence, on top of the start page.

import { badge, h, prose, put } from "./dom.js";

/** @typedef {{tone: Tone, text: string, href: string, link: string}} Trouble */
/** @typedef {{tone: Tone, text: string, problems: Trouble[]}} Verdict */

/** The way to its fix. @param {Trouble} one */
const fix = (one) => h("a", { href: one.href }, prose(one.link));

export class VerdictView {
  constructor() {
    this.sentence = h("p", { class: "sentence", role: "status" }, "Looking …");
    this.problems = h("ul", { class: "problems", hidden: true });
    this.asOf = h("p", { class: "muted as-of" });
    this.node = h(
      "section",
      { class: "verdict", "aria-labelledby": "health" },
      h("h1", { id: "health", class: "offscreen" }, "Workers"),
      this.sentence,
      this.problems,
      this.asOf,
    );
    this.told = "";
  }

  /** @param {Verdict} verdict @param {string} now */
  show({ tone, text, problems }, now) {
    // Time that passes is no news to be read out.
    const told = `${tone} ${text.replace(/\d+ (s|min) ago/, "")}`;
    this.sentence.setAttribute("aria-live", told === this.told ? "off" : "polite");
    this.told = told;
    const [first, ...rest] = problems;
    put(this.sentence, badge(tone, text), " ", first && fix(first));
    this.node.className = `verdict ${tone}`;
    put(this.problems, ...rest.map((one) => h("li", {}, badge(one.tone, one.text), " ", fix(one))));
    this.problems.hidden = rest.length === 0;
    this.asOf.textContent = `as of ${now.slice(11, 19)} UTC`;
  }

  /** Says that nothing is known. @param {string} why */
  fail(why) {
    this.told = "";
    put(this.sentence, badge("bad", why));
    this.node.className = "verdict bad";
    this.asOf.textContent = "What stands below may be old.";
  }
}
