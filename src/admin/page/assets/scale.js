// @ts-check
// The arithmetic of plots.

/** A line or a layer of a plot; `values` are as many as the plot has spans. @typedef {{name: string, tone: string, values: number[]}} Layer */

/** A round number at or above `value`. @param {number} value */
export function ceiling(value) {
  if (value <= 5) return Math.max(1, value);
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5].find((step) => step * power >= value) ?? 10) * power;
}

/** When each span begins, oldest first. @param {{at: string, past_seconds: number, step_seconds: number}} series */
export function spansOf({ at, past_seconds: past, step_seconds: step }) {
  const last = Math.floor(Date.parse(at) / 1000 / step) * step;
  return Array.from(
    { length: Math.round(past / step) },
    (_, index) => (last - past + step * (index + 1)) * 1000,
  );
}

/**
 * The sums of rows by name and span, in the order of `names`.
 * @param {{at: string, class: string, entries: number}[]} rows
 * @param {number[]} spans
 * @param {string[]} names
 */
export function sums(rows, spans, names) {
  const places = new Map(spans.map((at, place) => [at, place]));
  /** @type {Map<string, number[]>} */
  const found = new Map();
  for (const row of rows) {
    const values = found.get(row.class) ?? spans.map(() => 0);
    found.set(row.class, values);
    const place = places.get(Date.parse(row.at));
    if (place !== undefined) values[place] += row.entries;
  }
  const order = (/** @type {string} */ name) => names.indexOf(name);
  return [...found].sort(([a], [b]) => order(a) - order(b));
}

/** All of a layer, or the most of a line. @param {number[]} values @param {boolean} stacked */
export const figure = (values, stacked) =>
  stacked ? values.reduce((a, b) => a + b, 0) : Math.max(0, ...values);

/** How high a plot must be. @param {number[][]} all @param {boolean} stacked */
export const highest = (all, stacked) =>
  Math.max(
    1,
    ...(all[0] ?? []).map((_, at) =>
      figure(
        all.map((values) => values[at]),
        stacked,
      ),
    ),
  );
