// @ts-check
// Refresh (debug): from the press to the entry.

import { getAttempt, messageOf, pressDebug, statusOf } from "./api.js";
import { say } from "./dialog.js";
import { badge, h, put } from "./dom.js";
import { render } from "./entry.js";
import { Phases } from "./phases.js";
import { toneOf } from "./session.js";

const LOOK_MS = 150;
const AWAY_MS = 1000;
const AWAY_MAX = 40;

const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The section of one account. */
export class DebugRun {
  /**
   * @param {string} account
   * @param {() => void} ended is called when a run has ended
   */
  constructor(account, ended) {
    this.account = account;
    this.ended = ended;
    this.watching = false;
    this.said = h("div", { class: "said", role: "status" });
    this.phases = new Phases();
    this.exchange = h("div", { class: "exchange-place" });
    const press = () => this.press();
    this.node = h(
      "section",
      { class: "panel debug", "aria-labelledby": "debug-title", hidden: true },
      h("h2", { id: "debug-title" }, "Refresh (debug)"),
      h(
        "p",
        { class: "muted" },
        "Runs the same handler and the same request as the scheduled refresh, at once, and shows what eBay saw.",
      ),
      h("div", { class: "actions" }, h("button", { class: "primary", click: press }, "Refresh (debug)")),
      this.said,
      this.phases.node,
      this.exchange,
    );
  }

  async press() {
    const began = performance.now();
    const second = this.watching;
    try {
      const answer = await pressDebug(this.account);
      if (second || answer.in_flight)
        put(
          this.said,
          badge("warn", "Another attempt is under way for this account."),
          " This press is recorded too: its entry will say not_run (in_flight) unless the other one has ended by then.",
        );
      else put(this.said, !answer.published && badge("warn", answer.note ?? ""));
      if (!second) await this.watch(answer.attempt_id, began);
    } catch (error) {
      put(this.said, badge("bad", messageOf(error)));
    }
  }

  /** Follows one attempt from the press to its entry. @param {string} attempt @param {number} began */
  async watch(attempt, began) {
    this.watching = true;
    this.exchange.replaceChildren();
    this.phases.begin(began);
    try {
      this.finish(await this.entryOf(attempt));
    } finally {
      this.phases.stop();
      this.watching = false;
    }
  }

  /** The attempt's entry, once it is there. @param {string} attempt @returns {Promise<Entry>} */
  async entryOf(attempt) {
    for (let away = 0; away < AWAY_MAX;) {
      try {
        const found = await getAttempt(this.account, attempt);
        if (!("state" in found)) return found;
        this.phases.tell(found.phases);
        away = 0;
      } catch (error) {
        const status = statusOf(error);
        if (status && status < 500) throw error;
        away += 1;
        put(
          this.said,
          badge("warn", "The admin process does not answer; the run goes on, and is looked for again."),
        );
        await pause(AWAY_MS);
      }
      await pause(LOOK_MS);
    }
    throw new Error("The admin process does not answer. The entry will be in the terminal.");
  }

  /** Shows the exchange as eBay saw it. @param {Entry} entry */
  finish(entry) {
    this.phases.finish(entry);
    if (entry.class !== "not_run") this.said.replaceChildren();
    const article = render(entry, [], `run-${entry.id}`);
    article.removeAttribute("tabindex");
    article.classList.add("single");
    this.exchange.replaceChildren(article);
    say(`The debug run ended: ${entry.class}.`, toneOf(entry.class));
    this.ended();
  }
}
