// @ts-check
// What is stored of an account and whether it opens, without the network.

import { inspect } from "./api.js";
import { show, trying } from "./dialog.js";
import { foreign, h, prose } from "./dom.js";
import { spaced, utc } from "./text.js";

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/;

/** @param {unknown} value */
function shown(value) {
  if (value === null) return h("span", { class: "muted" }, "none");
  if (Array.isArray(value))
    return foreign(value.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", "));
  const text = String(value);
  return foreign(INSTANT.test(text) ? utc(text) : text);
}

/** @param {[string, unknown][]} pairs */
const figures = (pairs) =>
  h(
    "dl",
    { class: "figures" },
    pairs.map(([name, value]) => h("div", {}, h("dt", {}, spaced(name)), h("dd", {}, shown(value)))),
  );

/**
 * The account's own values first, then a part for each text that is sealed.
 * @param {Record<string, unknown>} inspection
 * @returns {Child[]}
 */
function parts({ advice, ...found }) {
  /** @type {[string, unknown][]} */
  const own = [];
  const nested = [];
  for (const [name, value] of Object.entries(found))
    if (value !== null && typeof value === "object" && !Array.isArray(value))
      nested.push(h("h3", {}, spaced(name)), figures(Object.entries(value)));
    else own.push([name, value]);
  return [advice ? h("p", {}, prose(String(advice))) : null, figures(own), nested];
}

/** Opens a dialog with what `token-refresh inspect` says. @param {Account} account */
export const showInspection = (account) =>
  trying(async () => {
    const found = await inspect(account.account_id);
    show(
      "inspect",
      ["Inspect ", foreign(account.account)],
      h(
        "p",
        { class: "muted" },
        "What is stored and whether it opens, without the network. No token is shown.",
      ),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Inspection" }, parts(found)),
    );
  });
