// @ts-check
// Two entries side by side, with what differs marked.

import { align } from "./align.js";
import { show } from "./dialog.js";
import { badge, foreign, h } from "./dom.js";
import { lines } from "./entry_text.js";
import { judgement } from "./judgement.js";
import { toneOf } from "./session.js";
import { utc } from "./text.js";

/** @param {Entry} entry */
const title = (entry) =>
  h(
    "th",
    { scope: "col" },
    badge(toneOf(entry.class), entry.class),
    " ",
    h("strong", {}, entry.source),
    " ",
    foreign(entry.account),
    " ",
    h("span", { class: "muted" }, utc(entry.created_at)),
  );

/** @param {string | undefined} line @param {boolean} differs @param {string} mark */
const cell = (line, differs, mark) =>
  h(
    "td",
    { class: differs && "differs" },
    differs && line !== undefined && h("span", { class: "mark", "aria-label": "differs" }, mark),
    line !== undefined && foreign(line),
  );

/** Opens both in a dialog. @param {Entry} a @param {Entry} b */
export function compare(a, b) {
  const pairs = align(lines(a), lines(b));
  const differing = pairs.filter((pair) => pair.differs).length;
  const rows = pairs.map(({ left, right, differs }) =>
    h("tr", {}, cell(left, differs, "−"), cell(right, differs, "+")),
  );
  show(
    "compare",
    "Two entries side by side",
    h(
      "p",
      {},
      badge(...judgement(a, b)),
      " ",
      h("span", { class: "muted" }, `${differing} of ${pairs.length} lines differ.`),
    ),
    h(
      "div",
      { class: "scroll", tabindex: "0", role: "region", "aria-label": "Comparison" },
      h("table", { class: "diff" }, h("thead", {}, h("tr", {}, title(a), title(b))), h("tbody", {}, rows)),
    ),
  );
}
