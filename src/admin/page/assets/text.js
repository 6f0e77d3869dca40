// @ts-check
// Text for people: foreign text made harmless; numbers, instants and spans in words.

import { words } from "./session.js";

const codes = words.hidden.map(([from, to]) => `\\u{${from.toString(16)}}-\\u{${to.toString(16)}}`);
// Half of a pair of surrogates is no character, but a text that was cut can end in one.
const HIDDEN = `${codes.join("")}\\ud800-\\udfff`;
const [EXCEPT_LINES, ALL] = [new RegExp(`[${HIDDEN}]`, "gu"), new RegExp(`[${HIDDEN}\\n\\t]`, "gu")];

/** @param {string} character */
const code = (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`;

/**
 * Foreign text for a clipboard or an attribute: what would not show stands as `\u{…}`.
 * @param {unknown} text
 */
export const plain = (text, multiline = false) => String(text).replace(multiline ? EXCEPT_LINES : ALL, code);

/**
 * Foreign text in pieces: each is shown as it stands, or, where it would not show, as its code.
 * @param {unknown} text
 */
export function pieces(text, multiline = false) {
  const all = String(text);
  const found = [];
  let from = 0;
  for (const match of all.matchAll(multiline ? EXCEPT_LINES : ALL)) {
    if (match.index > from) found.push({ text: all.slice(from, match.index), hidden: false });
    found.push({ text: code(match[0]), hidden: true });
    from = match.index + match[0].length;
  }
  if (from < all.length) found.push({ text: all.slice(from), hidden: false });
  return found;
}

/** `2026-11-23 16:30:01.123 UTC` of an instant. @param {string | number} instant */
export const utc = (instant) => {
  const at = new Date(instant);
  return Number.isNaN(at.getTime())
    ? String(instant)
    : at.toISOString().replace("T", " ").replace("Z", " UTC");
};

/** A span of seconds in words: `3 s`, `4 min`, `2 h 5 min`, `3 d`. @param {number} seconds */
export function span(seconds) {
  const s = Math.max(0, seconds);
  if (s < 90) return `${Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 172800) {
    const minutes = Math.round(s / 60);
    return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  return `${Math.round(s / 86400)} d`;
}

/**
 * An instant as seen from another: `3 s ago`, `in 4 min`.
 * @param {string} instant
 * @param {string | number} now
 */
export function ago(instant, now) {
  const seconds = (new Date(now).getTime() - Date.parse(instant)) / 1000;
  return seconds >= 0 ? `${span(seconds)} ago` : `in ${span(-seconds)}`;
}

/** @param {number} value */
export const number = (value) => Number(value).toLocaleString("en-US");

/** @param {number} count @param {string} one */
export const plural = (count, one, many = `${one}s`) => `${number(count)} ${count === 1 ? one : many}`;

/** A name of the API as people write it. @param {string} name */
export const spaced = (name) => name.replaceAll("_", " ");
