// @ts-check
// The form that filters the terminal.

import { h } from "./dom.js";
import { choice, field, input } from "./fields.js";
import { NAMES, fromField, fromQuery, toAddress, toField } from "./filter_address.js";
import { words } from "./session.js";

const asTheyAre = (/** @type {string} */ value) => value;

/** Filters in a form and in the address, which change together. */
export class FilterForm {
  /** @param {(filters: Filters) => void} changed gets the filters whenever somebody has changed them */
  constructor(changed) {
    this.changed = changed;
    this.address = "";
    this.form = this.build();
    addEventListener("popstate", () => this.start());
  }

  build() {
    const apply = () => this.set(this.read());
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      apply();
    };
    return h(
      "form",
      { class: "filters", role: "search", "aria-label": "Filter entries", submit, change: apply },
      input("q", "Text", { type: "search", placeholder: "anything in an entry" }),
      input("account", "Account", { placeholder: "username or id" }),
      this.more(),
      choice("env", "Environment", words.environments, asTheyAre),
      choice(
        "source",
        "Source",
        words.sources.map((source) => source.name),
        asTheyAre,
      ),
      choice("action", "Action", words.actions, asTheyAre),
      choice(
        "class",
        "Class",
        words.classes.map((one) => one.name),
        asTheyAre,
      ),
      input("since", "Since (UTC)", { type: "datetime-local", step: "1" }),
      input("until", "Until (UTC)", { type: "datetime-local", step: "1" }),
      h(
        "div",
        { class: "actions" },
        h("button", {}, "Apply"),
        h("button", { type: "button", class: "quiet", click: () => this.set({}) }, "Clear"),
      ),
    );
  }

  /** The button that shows the other filters where there is little room. */
  more() {
    const click = () => button.setAttribute("aria-expanded", String(this.form.classList.toggle("open")));
    /** @type {HTMLButtonElement} */
    const button = h(
      "button",
      { type: "button", class: "more", "aria-expanded": "false", click },
      "More filters",
    );
    return button;
  }

  /** What the form asks for. @returns {Filters} */
  read() {
    const all = NAMES.map((name) => [name, fromField(name, field(this.form, name).value)]);
    return Object.fromEntries(all.filter(([, value]) => value));
  }

  /** @param {Filters} filters */
  show(filters) {
    for (const name of NAMES) field(this.form, name).value = toField(name, filters[name] ?? "");
  }

  /** Asks for other filters, in form and address. @param {Filters} filters */
  set(filters) {
    this.show(filters);
    const address = toAddress(filters);
    if (address === this.address) return;
    history.pushState(null, "", address);
    this.address = address;
    this.changed(filters);
  }

  /** Asks for what the address says. */
  start() {
    const filters = fromQuery(location.search);
    this.address = toAddress(filters);
    this.show(filters);
    this.changed(filters);
  }
}
