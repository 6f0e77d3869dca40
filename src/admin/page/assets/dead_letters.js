// @ts-check
// Dead letters of one queue: why they died, and what a platform admin does about them.

import { getDeadLetters, messageOf, settleDeadLetters } from "./api.js";
import { confirmed, say, trying } from "./dialog.js";
import { foreign, h, problemLine, put } from "./dom.js";
import { number, plural } from "./text.js";

/** @typedef {"redrive" | "discard"} Fate */

/**
 * Sends letters back or discards them; what is discarded is asked for first.
 * @param {string} queue
 * @param {Fate} fate
 * @param {{key: string} | {all: true}} what
 * @param {number} count
 * @returns {Promise<boolean>} whether that was tried
 */
async function settle(queue, fate, what, count) {
  const question = `Discard ${plural(count, "dead letter")} of ${queue}? What is discarded is gone.`;
  if (fate === "discard" && !(await confirmed(question, "Discard"))) return false;
  await trying(async () => {
    const { letters } = await settleDeadLetters(queue, fate, what);
    say(`${fate === "redrive" ? "Sent back" : "Discarded"} ${plural(letters, "letter")}.`);
  });
  return true;
}

/** @param {DeadLetter} one @param {(fate: Fate) => void} act */
function letter(one, act) {
  const about = `${one.message_type ?? "no type"} · ${one.message_id ?? "no id"} · ${number(one.body_bytes)} bytes`;
  return h(
    "article",
    { class: "letter", "data-key": one.key },
    h(
      "p",
      {},
      h("strong", {}, foreign(one.reason ?? "no reason was kept")),
      " ",
      h("span", { class: "muted" }, foreign(about)),
    ),
    h("details", {}, h("summary", {}, "Body"), h("pre", {}, foreign(one.body, true))),
    h(
      "div",
      { class: "actions" },
      one.source_queue
        ? h("button", { click: () => act("redrive") }, `Send back to ${one.source_queue}`)
        : h("span", { class: "muted" }, "Where it came from is not known."),
      h("button", { class: "danger", click: () => act("discard") }, "Discard"),
    ),
  );
}

/**
 * The letters of one queue, and buttons to send them back or throw them away.
 * @param {string} queue
 * @param {number} depth
 * @param {() => void} done is called after a change
 */
export function deadLetters(queue, depth, done) {
  const place = h("div", { class: "letters" });
  const act = async (
    /** @type {Fate} */ fate,
    /** @type {{key: string} | {all: true}} */ what,
    count = 1,
  ) => {
    if (!(await settle(queue, fate, what, count))) return;
    await read();
    done();
  };
  async function read() {
    try {
      const { letters, more } = await getDeadLetters(queue);
      const all = letters.map((one) => letter(one, (fate) => act(fate, { key: one.key })));
      const rest = more && h("p", { class: "muted" }, "There are more; they show once these are dealt with.");
      put(place, all, rest, !all.length && h("p", { class: "muted" }, "None is left here."));
    } catch (error) {
      put(place, problemLine(messageOf(error)));
    }
  }
  /** @type {HTMLDetailsElement} */
  const details = h(
    "details",
    { class: "dead", toggle: () => details.open && read() },
    h("summary", {}, h("strong", {}, queue), ` ${plural(depth, "dead letter")}`),
    h(
      "div",
      { class: "actions" },
      h("button", { click: () => act("redrive", { all: true }, depth) }, "Send all back"),
      h("button", { class: "danger", click: () => act("discard", { all: true }, depth) }, "Discard all"),
    ),
    place,
  );
  return details;
}
