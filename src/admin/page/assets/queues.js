// @ts-check
// The broker's queues, and the dead letters in them.

import { badge, h, put } from "./dom.js";
import { deadLetters } from "./dead_letters.js";
import { same } from "./json.js";
import { n, row, table } from "./tables.js";

/** @param {Queue[] | null} all */
export const queuesTable = (all) =>
  all
    ? table(
        ["Queue", "State", "#Waiting", "#Consumers"],
        all.map((queue) =>
          row(
            queue.name,
            badge(queue.state.tone, queue.state.text),
            n(queue.messages),
            n(queue.dead ? "–" : queue.consumers),
          ),
        ),
        "There are no queues: run `token-refresh migrate`.",
      )
    : h("p", { class: "problem" }, "✕ The broker does not answer: check AMQP_URL and RabbitMQ.");

/** The lists of dead letters, one for each queue that has some. */
export class DeadQueues {
  /** @param {HTMLElement} place @param {() => void} changed is called after letters were dealt with */
  constructor(place, changed) {
    this.place = place;
    this.changed = changed;
    /** @type {Queue[] | null} */
    this.shown = null;
  }

  /** @param {Queue[]} all */
  show(all) {
    // While a list is open its letters are taken for a moment, and the queue looks empty.
    const { place } = this;
    if (place.contains(document.activeElement) || place.querySelector("details[open]")) return;
    const dead = all.filter((queue) => queue.dead && queue.messages > 0);
    if (same(dead, this.shown)) return;
    this.shown = dead;
    const changed = () => {
      this.shown = null;
      this.changed();
    };
    if (dead.length) put(place, ...dead.map((queue) => deadLetters(queue.name, queue.messages, changed)));
    else put(place, h("p", { class: "muted" }, badge("ok", "None: every message was handled.")));
  }
}
