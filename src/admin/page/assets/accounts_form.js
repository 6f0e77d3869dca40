// @ts-check
// The form that filters accounts; what it asks for stands in the address.

import { h } from "./dom.js";
import { box, check, choice, field, input } from "./fields.js";
import { words } from "./session.js";

const TYPING_MS = 250;
const TEXTS = ["q", "env", "status"];
const DAYS = String(words.ends_soon_days);

/** @param {() => void} changed is called when another filter is chosen */
export function accountsForm(changed) {
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    changed();
  };
  const form = h(
    "form",
    { class: "filters", role: "search", "aria-label": "Filter accounts", submit, change: changed },
    input("q", "Search", { type: "search", placeholder: "username, house name, organisation or id" }),
    choice("env", "Environment", words.environments),
    choice(
      "status",
      "Status",
      words.statuses.map((status) => status.name),
    ),
    check("failing", "failed last time"),
    check("ending", `must be connected again within ${DAYS} days`),
  );
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let typing;
  field(form, "q").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(changed, TYPING_MS);
  });
  return form;
}

/** What the form asks for. @param {HTMLFormElement} form @returns {Record<string, string>} */
export const read = (form) => ({
  ...Object.fromEntries(TEXTS.map((name) => [name, field(form, name).value.trim()])),
  failing: box(form, "failing").checked ? "true" : "",
  ends_within_days: box(form, "ending").checked ? DAYS : "",
});

/** Shows in the form what an address asks for. @param {HTMLFormElement} form @param {string} search */
export function show(form, search) {
  const query = new URLSearchParams(search);
  for (const name of TEXTS) field(form, name).value = query.get(name) ?? "";
  box(form, "failing").checked = query.get("failing") === "true";
  box(form, "ending").checked = query.has("ends_within_days");
}
