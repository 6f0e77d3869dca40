// @ts-check
// The terminal's filters as they stand in an address, so that a view can be sent to a colleague.

export const NAMES = ["env", "account", "source", "action", "class", "q", "since", "until"];

/** @param {string} name */
const isInstant = (name) => name === "since" || name === "until";

/** What an address's query asks for. @param {string} search @returns {Filters} */
export function fromQuery(search) {
  const query = new URLSearchParams(search);
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name) ?? ""]).filter(([, value]) => value));
}

/** The terminal's address with these filters. @param {Filters} filters */
export const toAddress = (filters) => {
  const query = new URLSearchParams(filters).toString();
  return `/terminal${query && `?${query}`}`;
};

/** A filter's value from what stands in its field; fields of instants are UTC. @param {string} name @param {string} text */
export const fromField = (name, text) =>
  text && isInstant(name) ? new Date(`${text}Z`).toISOString() : text.trim();

/** What stands in a filter's field for its value. @param {string} name @param {string} value */
export function toField(name, value) {
  if (!value || !isInstant(name)) return value;
  const at = new Date(value);
  return Number.isNaN(at.getTime()) ? "" : at.toISOString().slice(0, 19);
}
