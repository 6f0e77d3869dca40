// @ts-check
// Building the page. What others wrote goes in as text; nothing is parsed as markup.

import { ago, pieces, utc } from "./text.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Functions among the attributes listen, `true` is an empty attribute, null none.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export const h = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/**
 * An element of a drawing.
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {Child[]} children
 */
export const svg = (tag, attributes, ...children) =>
  fill(document.createElementNS(SVG, tag), attributes, children);

/**
 * @template {Element} E
 * @param {E} node
 * @param {Attributes | undefined} attributes
 * @param {Child[]} children
 */
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, String(value));
  }
  node.append(...nodes(children));
  return node;
}

/** What is there of nested children. @param {Child[]} children @returns {(Node | string)[]} */
const nodes = (children) =>
  children.flatMap((child) => {
    if (Array.isArray(child)) return nodes(child);
    if (child === null || child === undefined || child === false) return [];
    return [typeof child === "number" ? String(child) : child];
  });

/**
 * The only element that a selector finds; the page is made so that there is one.
 * @param {string} selector
 * @param {ParentNode} [within]
 */
export function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`nothing is ${selector}`);
  return found;
}

/** Puts other children into a node. @param {Element} node @param {Child[]} children */
export const put = (node, ...children) => node.replaceChildren(...nodes(children));

/** Sets a text where it has changed: what has not is not read out again. @param {Node} node @param {string} text */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute where it has changed. @param {Element} node @param {string} name @param {string} value */
export function mark(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** Foreign text for the page, its direction kept to itself. @param {unknown} text */
export const foreign = (text, multiline = false) =>
  h(
    "bdi",
    {},
    pieces(text, multiline).map((piece) =>
      piece.hidden
        ? h("span", { class: "ctl", title: "a character that does not show" }, piece.text)
        : piece.text,
    ),
  );

/** Our own words for the page: what stands between backticks is a command. @param {string} text */
export const prose = (text) => text.split("`").map((part, at) => (at % 2 ? h("code", {}, part) : part));

/**
 * An instant as seen from another; its text in full is the title.
 * @param {string | null} instant
 * @param {string | number} now
 */
export const when = (instant, now) =>
  instant
    ? h("time", { datetime: instant, title: utc(instant) }, ago(instant, now))
    : h("span", { class: "muted" }, "never");

/** @type {Record<string, string>} */
const MARKS = { ok: "✓", warn: "▲", bad: "✕", off: "◼", live: "●", wait: "◌" };

/** A state in words with a shape of its own; colour only adds to it. @param {Tone} tone @param {string} text */
export const badge = (tone, text) =>
  h("span", { class: `badge ${tone}` }, h("span", { "aria-hidden": "true" }, MARKS[tone] ?? "·"), " ", text);

/** What went wrong, for all to hear. @param {string} text */
export const problemLine = (text) => h("p", { class: "problem", role: "alert" }, "✕ ", foreign(text));

/** What names who an account belongs to. @param {Account} account @returns {Child[]} */
export const belongs = (account) => [
  account.house_name && [foreign(account.house_name), " · "],
  foreign(account.org),
  " · ",
  account.environment,
];
