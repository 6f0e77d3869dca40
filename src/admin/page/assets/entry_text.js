// @ts-check
// One entry, as one reads an HTTP exchange, in lines of text.

import { ordered } from "./json.js";
import { nextStepOf, session, words } from "./session.js";
import { plain, utc } from "./text.js";

/** The class with its finer reason. @param {Entry} entry */
export const classOf = (entry) => (entry.reason ? `${entry.class} (${entry.reason})` : entry.class);

/** @param {string | null} id */
const by = (id) => {
  if (id === session.id) return `${session.name} (you)`;
  return id && (session.users[id] ?? id);
};

/** @param {Record<string, number>} measured */
function timings(measured) {
  const order = words.phases.map((phase) => phase.name);
  const place = (/** @type {string} */ name) => (order.includes(name) ? order.indexOf(name) : order.length);
  return Object.entries(measured)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([phase, ms]) => `${phase} ${ms} ms`)
    .join(" · ");
}

/** What stands above the exchange, as names and values. @param {Entry} entry @returns {[string, string][]} */
export function fields(entry) {
  const house = entry.house_name ? ` “${entry.house_name}”` : "";
  const org = session.orgs[entry.org_id] ?? entry.org_id;
  const status = entry.response ? `, HTTP ${entry.response.status}` : "";
  /** @type {[string, string | null | undefined][]} */
  const all = [
    ["time", utc(entry.created_at)],
    ["source", entry.source],
    ["action", entry.action],
    ["account", `${entry.account}${house} · ${entry.environment} · ${org}`],
    ["class", `${classOf(entry)}${status}, sent: ${entry.sent}, try ${entry.attempt}`],
    ["by", by(entry.triggered_by)],
    ["error", entry.error],
    ["next step", nextStepOf(entry)],
    ["timings", timings(entry.timings_ms)],
    ["attempt", entry.id],
    ["instance", `${entry.instance} (${entry.version})`],
  ];
  return all.flatMap(([name, value]) => (value ? [[name, value]] : []));
}

/** @param {Record<string, string>} values */
const pairs = (values) =>
  Object.entries(/** @type {Record<string, string>} */ (ordered(values))).map(
    ([name, value]) => `${name}: ${value}`,
  );

/** @param {ExchangeRequest} request */
export const requestLines = (request) => [
  `${request.method} ${request.url}`,
  ...pairs(request.headers),
  "",
  ...pairs(request.body),
];

/** @param {ExchangeResponse} response */
export const responseLines = ({ status, headers, body }) => [
  `HTTP ${status}`,
  ...pairs(headers),
  "",
  typeof body === "string" ? body : JSON.stringify(ordered(body), null, 2),
];

/** @param {string} name @param {string[] | null} inside */
const part = (name, inside) =>
  inside
    ? [`${name}:`, ...inside.flatMap((line) => plain(line, true).split("\n")).map((line) => `  ${line}`)]
    : [`${name}:`.padEnd(11) + "null"];

/**
 * The entry as text: what is copied, and what two entries are compared by.
 * @param {Entry} entry
 * @param {number} [place] its number in the list
 */
export const lines = (entry, place) => [
  ...(place ? [`#${place} ${"─".repeat(72)}`] : []),
  ...fields(entry).map(([name, value]) => `${`${name}:`.padEnd(11)}${plain(value)}`),
  ...part("request", entry.request && requestLines(entry.request)),
  ...part("response", entry.response && responseLines(entry.response)),
];

/** @param {Entry} entry @param {number} place */
export const toText = (entry, place) => `${lines(entry, place).join("\n")}\n`;
