// @ts-check
// Small plots: stacked bars or lines over time, with a legend in words and a table for who does not see them.

import { h, svg } from "./dom.js";
import { plotTable } from "./plot_table.js";
import { ceiling, figure, highest } from "./scale.js";
import { number, plural } from "./text.js";

/** @typedef {import("./scale.js").Layer} Layer */
/** Where things lie in a drawing. @typedef {{spans: number[], top: number, width: number, x: (at: number) => number, y: (value: number) => number}} Frame */

/** How the first, the middle and the last time stand under the plot. */
const ANCHORS = ["start", "middle", "end"];
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 150, 40, 18];
const NOTHING = "nothing in this time";

/** The time of an instant, UTC. @param {number} instant */
export const clock = (instant) => new Date(instant).toISOString().slice(11, 16);

/** @param {number[]} spans @param {number} top @returns {Frame} */
const frameOf = (spans, top) => ({
  spans,
  top,
  width: (WIDTH - LEFT) / spans.length,
  x: (at) => LEFT + (at * (WIDTH - LEFT)) / spans.length,
  y: (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 4,
});

/** Lines with their numbers. @param {Frame} frame */
const rules = ({ top, y }) =>
  (top === 1 ? [0, 1] : [0, top / 2, top]).map((value) => [
    svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "rule" }),
    svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
  ]);

/** @param {Frame} frame */
const times = ({ spans, x }) =>
  [0, Math.floor(spans.length / 2), spans.length - 1].map((at, place) =>
    svg(
      "text",
      { x: at === spans.length - 1 ? WIDTH : x(at), y: HEIGHT + 3, "text-anchor": ANCHORS[place] },
      clock(spans[at]),
    ),
  );

/** The layers of one span, on top of each other. @param {Frame} frame @param {Layer[]} layers @param {number} at */
function bars({ x, y, width }, layers, at) {
  let sum = 0;
  return layers.map(({ values, tone }) => {
    const [from, to] = [sum, sum + values[at]];
    sum = to;
    if (from === to) return null;
    const place = { x: x(at) + 0.5, width: Math.max(1, width - 1), y: y(to), height: y(from) - y(to) };
    return svg("rect", { ...place, class: tone });
  });
}

/** @param {Frame} frame @param {Layer} layer */
const polyline = ({ x, y, width }, { values, tone }) =>
  svg("polyline", {
    points: values.map((value, at) => `${x(at) + width / 2},${y(value)}`).join(" "),
    class: tone,
  });

/** The plot in words. @param {Layer[]} layers @param {boolean} stacked */
export const describe = (layers, stacked) =>
  layers
    .map((one) => `${one.name} ${stacked ? "" : "at most "}${plural(figure(one.values, stacked), "time")}`)
    .join(", ") || NOTHING;

/** @param {Layer[]} layers @param {boolean} stacked */
const legend = (layers, stacked) =>
  h(
    "ul",
    { class: "legend" },
    layers.map(({ name, tone, values }) =>
      h(
        "li",
        {},
        h("span", { class: `key ${tone}`, "aria-hidden": "true" }),
        ` ${name} `,
        h("span", { class: "muted" }, number(figure(values, stacked))),
      ),
    ),
    !layers.length && h("li", { class: "muted" }, NOTHING),
  );

/**
 * Layers are stacked, or each is a line of its own.
 * @param {string} title
 * @param {number[]} spans instants, oldest first
 * @param {Layer[]} all
 * @param {{stacked?: boolean}} options
 */
export function plot(title, spans, all, { stacked = true } = {}) {
  const layers = all.filter((one) => one.values.some((value) => value > 0));
  const top = ceiling(
    highest(
      layers.map((one) => one.values),
      stacked,
    ),
  );
  const frame = frameOf(spans, top);
  const label = `${title}: ${describe(layers, stacked)}`;
  const size = `0 0 ${WIDTH} ${HEIGHT + 6}`;
  const drawn = stacked
    ? spans.map((_, at) => bars(frame, layers, at))
    : layers.map((layer) => polyline(frame, layer));
  return h(
    "figure",
    {},
    h("figcaption", {}, title),
    svg(
      "svg",
      { viewBox: size, role: "img", "aria-label": label, class: "plot" },
      rules(frame),
      times(frame),
      drawn,
    ),
    legend(layers, stacked),
    plotTable(title, spans.map(clock), layers),
  );
}
