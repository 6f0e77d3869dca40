// @ts-check
// What the terminal says of itself, from what is known of it.

import { number, plural, span, utc } from "./text.js";

/** @type {Record<string, [Tone, string]>} */
const STATES = {
  connecting: ["wait", "Connecting"],
  "catching-up": ["wait", "Catching up"],
  live: ["live", "Live"],
  delayed: ["warn", "Delayed: the broker is away, entries come within seconds"],
  reconnecting: ["bad", "Not connected: reconnecting"],
  "signed-out": ["bad", "Signed out"],
  refused: ["bad", "Refused"],
};

/**
 * The connection's state: its tone and its words.
 * @param {{name: string, why: string, since: number}} state
 * @param {boolean} paused
 * @param {number} now
 * @returns {[Tone, string]}
 */
export function pill({ name, why, since }, paused, now) {
  const [tone, text] = paused ? /** @type {[Tone, string]} */ (["off", "Paused"]) : STATES[name];
  const long = name === "reconnecting" && !paused ? ` for ${span((now - since) / 1000)}` : "";
  return [tone, `${text}${long}${why && `: ${why}`}`];
}

/**
 * How many entries wait.
 * @param {import("./arrivals.js").Arrivals} arrivals
 * @param {boolean} paused
 */
export function waits(arrivals, paused) {
  if (!arrivals.any) return "";
  const { overflowed, most, waiting } = arrivals;
  const count = overflowed ? `more than ${number(most)}` : number(waiting.size);
  const verb = !overflowed && waiting.size === 1 ? "waits" : "wait";
  return `${count} ${verb}${paused ? "" : " while you read"}`;
}

/** What is said of entries that were shown and were not true. @param {number} count */
export function corrections(count) {
  if (!count) return "";
  const were = plural(count, "entry was", "entries were");
  return `${were} shown that is not what is stored; what is stored now stands there. Who may publish to the broker?`;
}

/**
 * What stands under the last entry.
 * @param {{reading: boolean, next: string | null, searchedTo: string | null}} past
 * @param {number} loaded
 */
export function foot({ reading, next, searchedTo }, loaded) {
  if (reading && next) {
    const back = searchedTo ? `, back to ${utc(searchedTo).slice(0, 16)} UTC so far` : "";
    return `reading older entries${back} …`;
  }
  if (loaded === 0) return "";
  return next ? "scroll for older entries" : "the beginning: there is nothing older";
}
