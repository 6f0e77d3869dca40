// @ts-check
// Tables of the start page.

import { h, prose } from "./dom.js";
import { number } from "./text.js";

/** A head; those of numbers begin with `#`. @param {string} head */
const headOf = (head) => h("th", { scope: "col", class: head.startsWith("#") && "n" }, head.replace("#", ""));

/** A table, or what is said where it would have no rows. @param {string[]} heads @param {Child[]} rows @param {string} none */
export const table = (heads, rows, none) =>
  rows.length
    ? h("table", {}, h("thead", {}, h("tr", {}, heads.map(headOf))), h("tbody", {}, rows))
    : h("p", { class: "muted" }, prose(none));

/** @param {Child} first @param {Child[]} cells */
export const row = (first, ...cells) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, first),
    cells.map((cell) => (cell instanceof HTMLTableCellElement ? cell : h("td", {}, cell))),
  );

/** A number's cell. @param {number | string} value */
export const n = (value) => h("td", { class: "n" }, typeof value === "number" ? number(value) : value);
