// @ts-check
// What a plot shows, as a table.

import { h } from "./dom.js";
import { number } from "./text.js";

/** @param {string[]} times @param {import("./scale.js").Layer[]} layers */
function table(times, layers) {
  const heads = layers.map((one) => h("th", { scope: "col", class: "n" }, one.name));
  const rows = times.flatMap((time, at) => {
    const values = layers.map((one) => one.values[at]);
    if (!values.some(Boolean)) return [];
    const cells = values.map((value) => h("td", { class: "n" }, number(value)));
    return [h("tr", {}, h("th", { scope: "row" }, time), cells)];
  });
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "UTC"), heads)),
    h("tbody", {}, rows.reverse()),
  );
}

/**
 * The newest first, once somebody opens it; spans in which nothing happened are left out.
 * @param {string} title
 * @param {string[]} times
 * @param {import("./scale.js").Layer[]} layers
 */
export function plotTable(title, times, layers) {
  const label = `${title}, as a table`;
  const body = h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label });
  const toggle = () => details.open && !body.firstChild && body.append(table(times, layers));
  /** @type {HTMLDetailsElement} */
  const details = h("details", { toggle }, h("summary", {}, "As a table"), body);
  return details;
}
