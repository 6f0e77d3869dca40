// @ts-check
// JSON, whatever the order of its keys: the store and the live stream order them differently.

/**
 * The value with the keys of all its objects in alphabetical order.
 * @param {unknown} value
 * @returns {unknown}
 */
export function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  const pairs = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(pairs.map(([key, inner]) => [key, ordered(inner)]));
}

/** Whether two values say the same. @param {unknown} a @param {unknown} b */
export const same = (a, b) => JSON.stringify(ordered(a)) === JSON.stringify(ordered(b));
