// Dead letters: why they died, and what a platform admin does about them.

import { h, foreign, number, plural, say, confirmed } from "./dom.js";
import { getDeadLetters, settleDeadLetters } from "./api.js";

/** The letters of one queue, and buttons to send them back or throw them away. `done` is called after a change. */
export function deadLetters(queue, depth, done) {
  const place = h("div", { class: "letters" });
  async function settle(fate, what, count) {
    if (
      fate === "discard" &&
      !(await confirmed(
        `Discard ${plural(count, "dead letter")} of ${queue}? What is discarded is gone.`,
        "Discard",
      ))
    )
      return;
    try {
      const { letters } = await settleDeadLetters(queue, fate, what);
      say(`${fate === "redrive" ? "Sent back" : "Discarded"} ${plural(letters, "letter")}.`);
    } catch (error) {
      say(error.message, "bad");
    }
    await read();
    done();
  }
  async function read() {
    try {
      const { letters } = await getDeadLetters(queue);
      place.replaceChildren(
        ...letters.map(letter),
        letters.length === 0 ? h("p", { class: "muted" }, "None is left here.") : "",
      );
    } catch (error) {
      place.replaceChildren(h("p", { class: "problem" }, "✕ ", foreign(error.message)));
    }
  }
  function letter(one) {
    return h(
      "article",
      { class: "letter", "data-key": one.key },
      h(
        "p",
        {},
        h("strong", {}, foreign(one.reason ?? "no reason was kept")),
        " ",
        h(
          "span",
          { class: "muted" },
          foreign(
            `${one.message_type ?? "no type"} · ${one.message_id ?? "no id"} · ${number(one.body_bytes)} bytes`,
          ),
        ),
      ),
      h("details", {}, h("summary", {}, "Body"), h("pre", {}, foreign(one.body, true))),
      h(
        "div",
        { class: "actions" },
        one.source_queue
          ? h(
              "button",
              { click: () => settle("redrive", { key: one.key }, 1) },
              `Send back to ${one.source_queue}`,
            )
          : h("span", { class: "muted" }, "Where it came from is not known."),
        h("button", { class: "danger", click: () => settle("discard", { key: one.key }, 1) }, "Discard"),
      ),
    );
  }
  const details = h(
    "details",
    { class: "dead", toggle: () => details.open && read() },
    h("summary", {}, h("strong", {}, queue), ` ${plural(depth, "dead letter")}`),
    h(
      "div",
      { class: "actions" },
      h("button", { click: () => settle("redrive", { all: true }, depth) }, "Send all back"),
      h("button", { class: "danger", click: () => settle("discard", { all: true }, depth) }, "Discard all"),
    ),
    place,
  );
  return details;
}
