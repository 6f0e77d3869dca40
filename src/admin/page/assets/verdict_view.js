// @ts-check
// The health of all in a sentence, on top of the start page.

import { badge, h, prose, put } from "./dom.js";
import { placeOf } from "./verdict.js";

export class VerdictView {
  /** @param {boolean} fleet whether the page shows the fleet */
  constructor(fleet) {
    this.fleet = fleet;
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

  /** The way to its fix. @param {Finding} one */
  fix(one) {
    const href = placeOf(one.kind, this.fleet);
    return href ? h("a", { href }, prose(one.remedy)) : h("span", {}, prose(one.remedy));
  }

  /** @param {Health} health */
  show({ at, tone, headline, findings }) {
    // Time that passes is no news to be read out.
    const told = `${tone} ${headline.replace(/\d+ (s|min) ago/, "")}`;
    this.sentence.setAttribute("aria-live", told === this.told ? "off" : "polite");
    this.told = told;
    // Where all is well, what was found are notes.
    const weighty = tone === "ok" ? 0 : 1;
    const rest = findings.slice(weighty);
    put(
      this.sentence,
      badge(tone, headline),
      " ",
      findings.slice(0, weighty).map((one) => this.fix(one)),
    );
    this.node.className = `verdict ${tone}`;
    put(this.problems, ...rest.map((one) => h("li", {}, badge(one.tone, one.text), " ", this.fix(one))));
    this.problems.hidden = rest.length === 0;
    this.asOf.textContent = `as of ${at.slice(11, 19)} UTC`;
  }

  /** Says that nothing is known. @param {string} why */
  fail(why) {
    this.told = "";
    put(this.sentence, badge("bad", why));
    this.node.className = "verdict bad";
    this.asOf.textContent = "What stands below may be old.";
  }
}
