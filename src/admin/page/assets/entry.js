// @ts-check
// One entry on the page.

import { badge, foreign, h } from "./dom.js";
import { fields, requestLines, responseLines } from "./entry_text.js";
import { toneOf } from "./session.js";
import { number } from "./text.js";

/** Longest body shown at first, in characters. */
const SHOWN = 3000;

/** A text block that is cut where it is long, until somebody wants all of it. @param {string} text */
function block(text) {
  const pre = h("pre", {}, foreign(text.slice(0, SHOWN), true));
  if (text.length <= SHOWN) return pre;
  const all = () => {
    pre.replaceChildren(foreign(text, true));
    more.remove();
  };
  const more = h("button", { class: "quiet", click: all }, `Show all ${number(text.length)} characters`);
  return h("div", {}, pre, more);
}

/** @param {string} name @param {string[] | null} lines @param {string} none */
const part = (name, lines, none) =>
  h(
    "section",
    { class: "part" },
    h("h3", {}, name),
    lines ? block(lines.join("\n")) : h("p", { class: "muted" }, none),
  );

/** @param {Entry} entry @param {string} id @param {Child[]} actions */
const header = (entry, id, actions) =>
  h(
    "header",
    {},
    h(
      "h2",
      { id },
      h("span", { class: "place" }),
      " ",
      badge(toneOf(entry.class), entry.class),
      " ",
      h("span", { class: `source ${entry.source}` }, entry.source),
      " ",
      h("span", { class: "name" }, foreign(entry.account)),
      " ",
      h("span", { class: "muted" }, entry.response ? `HTTP ${entry.response.status}` : "no answer"),
    ),
    h("div", { class: "actions" }, actions),
  );

/** @param {[string, string]} field */
const field = ([name, value]) =>
  h("div", { class: `f-${name.replace(" ", "-")}` }, h("dt", {}, `${name}:`), h("dd", {}, foreign(value)));

/**
 * The entry on the page. `actions` are the buttons that belong to it.
 * @param {Entry} entry
 * @param {Child[]} actions
 */
export function render(entry, actions, title = `title-${entry.id}`) {
  const nothing = entry.sent === "no" ? "null: nothing was sent to eBay" : "null: no answer came";
  return h(
    "article",
    {
      class: `entry ${toneOf(entry.class)}`,
      tabindex: "0",
      "aria-labelledby": title,
      "data-id": entry.id,
      "data-class": entry.class,
      "data-source": entry.source,
    },
    header(entry, title, actions),
    h("dl", {}, fields(entry).map(field)),
    h(
      "div",
      { class: "exchange" },
      part("request", entry.request && requestLines(entry.request), "null: there was nothing to send"),
      part("response", entry.response && responseLines(entry.response), nothing),
    ),
  );
}
