// @ts-check
// Fields of the forms that filter.

import { h } from "./dom.js";
import { spaced } from "./text.js";

/** A choice of one value, or of all. @param {string} name @param {string} label @param {string[]} values */
export const choice = (name, label, values, words = spaced) =>
  h(
    "label",
    {},
    h("span", {}, label),
    h(
      "select",
      { name },
      h("option", { value: "" }, "all"),
      values.map((value) => h("option", { value }, words(value))),
    ),
  );

/** @param {string} name @param {string} label @param {Attributes} attributes */
export const input = (name, label, attributes) =>
  h(
    "label",
    { class: `w-${name}` },
    h("span", {}, label),
    h("input", { name, autocomplete: "off", spellcheck: "false", ...attributes }),
  );

/** @param {string} name @param {string} label */
export const check = (name, label) =>
  h("label", { class: "check" }, h("input", { type: "checkbox", name }), h("span", {}, label));

/** A form's field. @param {HTMLFormElement} form @param {string} name */
export function field(form, name) {
  const found = form.elements.namedItem(name);
  if (found instanceof HTMLInputElement || found instanceof HTMLSelectElement) return found;
  throw new Error(`the form has no field ${name}`);
}

/** A form’s check box. @param {HTMLFormElement} form @param {string} name */
export function box(form, name) {
  const found = field(form, name);
  if (found instanceof HTMLInputElement) return found;
  throw new Error(`${name} is no check box`);
}
