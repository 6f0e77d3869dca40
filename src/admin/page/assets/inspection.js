// What is stored of an account and whether it opens, without the network.

import { h, foreign, prose, utc, say } from "./dom.js";
import { inspect } from "./api.js";

const INSTANT = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|\+00:00)$/;
const words = (name) => name.replaceAll("_", " ");

function shown(value) {
  if (value === null) return h("span", { class: "muted" }, "none");
  if (Array.isArray(value))
    return foreign(value.map((one) => (typeof one === "object" ? JSON.stringify(one) : one)).join(", "));
  return foreign(INSTANT.test(value) ? utc(value) : value);
}

const figures = (pairs) =>
  h(
    "dl",
    { class: "figures" },
    pairs.map(([name, value]) => h("div", {}, h("dt", {}, words(name)), h("dd", {}, shown(value)))),
  );

/** The account's own values first, then a part for each text that is sealed. */
function parts({ advice, ...found }) {
  const nested = ([, value]) => value !== null && typeof value === "object" && !Array.isArray(value);
  const pairs = Object.entries(found);
  return [
    advice && h("p", {}, prose([advice].flat().join(" "))),
    figures(pairs.filter((pair) => !nested(pair))),
    ...pairs
      .filter(nested)
      .flatMap(([name, inner]) => [h("h3", {}, words(name)), figures(Object.entries(inner))]),
  ].filter(Boolean);
}

/** Opens a dialog with what `token-refresh inspect` says. */
export async function showInspection(account) {
  try {
    const found = await inspect(account.account_id);
    const dialog = h(
      "dialog",
      { class: "inspect", "aria-labelledby": "inspect-title", close: () => dialog.remove() },
      h(
        "header",
        {},
        h("h2", { id: "inspect-title" }, "Inspect ", foreign(account.account)),
        h("form", { method: "dialog" }, h("button", {}, "Close")),
      ),
      h(
        "p",
        { class: "muted" },
        "What is stored and whether it opens, without the network. No token is shown.",
      ),
      h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Inspection" }, parts(found)),
    );
    document.body.append(dialog);
    dialog.showModal();
  } catch (error) {
    say(error.message, "bad");
  }
}
