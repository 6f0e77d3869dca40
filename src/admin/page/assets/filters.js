// Filters of the terminal, held in the address so that a view can be sent to a colleague.

import { session, h } from "./dom.js";

const NAMES = ["env", "account", "source", "action", "class", "q", "since", "until"];
const ACTIONS = ["token_refreshed", "token_refresh_failed", "token_refresh_error", "token_refresh_debug"];

/** What the address asks for. */
export const fromAddress = () => {
  const query = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name)]).filter(([, value]) => value));
};

export const toAddress = (filters) => {
  const query = new URLSearchParams(filters).toString();
  return `/terminal${query && `?${query}`}`;
};

const select = (name, label, values) =>
  h(
    "label",
    {},
    h("span", {}, label),
    h(
      "select",
      { name },
      h("option", { value: "" }, "all"),
      values.map((value) => h("option", { value }, value)),
    ),
  );

const input = (name, label, attributes) =>
  h(
    "label",
    { class: `w-${name}` },
    h("span", {}, label),
    h("input", { name, autocomplete: "off", spellcheck: "false", ...attributes }),
  );

/** The form. `changed` gets the filters whenever somebody has changed them. */
export function filterForm(changed) {
  const form = h(
    "form",
    {
      class: "filters",
      role: "search",
      "aria-label": "Filter entries",
      submit: (event) => {
        event.preventDefault();
        apply();
      },
      change: apply,
    },
    input("q", "Text", { type: "search", placeholder: "anything in an entry" }),
    input("account", "Account", { placeholder: "username or id" }),
    h(
      "button",
      {
        type: "button",
        class: "more",
        "aria-expanded": "false",
        click: (event) =>
          event.currentTarget.setAttribute("aria-expanded", String(form.classList.toggle("open"))),
      },
      "More filters",
    ),
    select("env", "Environment", ["production", "sandbox"]),
    select("source", "Source", ["scheduled", "debug", "admin"]),
    select("action", "Action", ACTIONS),
    select("class", "Class", Object.keys(session.classes)),
    input("since", "Since (UTC)", { type: "datetime-local", step: "1" }),
    input("until", "Until (UTC)", { type: "datetime-local", step: "1" }),
    h(
      "div",
      { class: "actions" },
      h("button", {}, "Apply"),
      h("button", { type: "button", class: "quiet", click: () => set({}) }, "Clear"),
    ),
  );

  function read() {
    const filters = {};
    for (const name of NAMES) {
      const value = form.elements[name].value.trim();
      if (value)
        filters[name] = name === "since" || name === "until" ? new Date(`${value}Z`).toISOString() : value;
    }
    return filters;
  }

  function show(filters) {
    for (const name of NAMES) {
      const value = filters[name] ?? "";
      const at = (name === "since" || name === "until") && value ? new Date(value) : null;
      form.elements[name].value =
        at && !Number.isNaN(at.getTime()) ? at.toISOString().slice(0, 19) : at ? "" : value;
    }
  }

  let current = "";
  function set(filters) {
    show(filters);
    const address = toAddress(filters);
    if (address === current) return;
    if (current) history.pushState(null, "", address);
    current = address;
    changed(filters);
  }
  function apply() {
    set(read());
  }

  addEventListener("popstate", () => {
    const filters = fromAddress();
    current = toAddress(filters);
    show(filters);
    changed(filters);
  });
  return {
    form,
    set,
    start: () => {
      const filters = fromAddress();
      current = toAddress(filters);
      show(filters);
      changed(filters);
    },
  };
}
