// Small plots: stacked bars over time, with a legend in words and a table for who does not see them.

import { h, svg, number, plural } from "./dom.js";

/** How the first, the middle and the last time stand under the plot. */
const ANCHORS = ["start", "middle", "end"];
const [WIDTH, HEIGHT, LEFT, BOTTOM] = [640, 150, 40, 18];

/** A round number at or above `value`. */
function ceiling(value) {
  if (value <= 5) return Math.max(1, value);
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/**
 * `spans` are instants, oldest first; `series` are `{name, tone, values}` of the same length.
 * `stacked` adds them up; otherwise each is a line of its own.
 */
export function plot(title, spans, series, { stacked = true, unit = "" } = {}) {
  const shown = series.filter((one) => one.values.some((value) => value > 0));
  const totals = spans.map((_, at) =>
    stacked
      ? shown.reduce((sum, one) => sum + one.values[at], 0)
      : Math.max(0, ...shown.map((one) => one.values[at])),
  );
  const top = ceiling(Math.max(1, ...totals));
  const x = (at) => LEFT + (at * (WIDTH - LEFT)) / spans.length;
  const y = (value) => (HEIGHT - BOTTOM) * (1 - value / top) + 4;
  const width = (WIDTH - LEFT) / spans.length;
  const drawing = svg("svg", {
    viewBox: `0 0 ${WIDTH} ${HEIGHT + 6}`,
    role: "img",
    "aria-label": `${title}: ${describe(shown, unit, stacked)}`,
    class: "plot",
  });
  for (const value of top === 1 ? [0, 1] : [0, top / 2, top]) {
    drawing.append(
      svg("line", { x1: LEFT, x2: WIDTH, y1: y(value), y2: y(value), class: "rule" }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, number(value)),
    );
  }
  for (const [place, at] of [0, Math.floor(spans.length / 2), spans.length - 1].entries())
    drawing.append(
      svg(
        "text",
        { x: at === spans.length - 1 ? WIDTH : x(at), y: HEIGHT + 3, "text-anchor": ANCHORS[place] },
        clock(spans[at]),
      ),
    );
  if (stacked) {
    spans.forEach((_, at) => {
      let sum = 0;
      for (const one of shown) {
        const value = one.values[at];
        if (!value) continue;
        drawing.append(
          svg("rect", {
            x: x(at) + 0.5,
            width: Math.max(1, width - 1),
            y: y(sum + value),
            height: y(sum) - y(sum + value),
            class: one.tone,
          }),
        );
        sum += value;
      }
    });
  } else
    for (const one of shown)
      drawing.append(
        svg("polyline", {
          points: one.values.map((value, at) => `${x(at) + width / 2},${y(value)}`).join(" "),
          class: one.tone,
        }),
      );
  return h(
    "figure",
    {},
    h("figcaption", {}, title),
    drawing,
    h(
      "ul",
      { class: "legend" },
      shown.length
        ? shown.map((one) =>
            h(
              "li",
              {},
              h("span", { class: `key ${one.tone}`, "aria-hidden": "true" }),
              ` ${one.name} `,
              h("span", { class: "muted" }, number(figure(one, stacked))),
            ),
          )
        : h("li", { class: "muted" }, "nothing in this time"),
    ),
    table(title, spans, shown),
  );
}

const figure = (one, stacked) => (stacked ? one.values.reduce((a, b) => a + b, 0) : Math.max(...one.values));
const clock = (instant) => new Date(instant).toISOString().slice(11, 16);
const describe = (shown, unit, stacked) =>
  shown.length
    ? shown
        .map(
          (one) => `${one.name} ${stacked ? "" : "at most "}${plural(figure(one, stacked), unit || "time")}`,
        )
        .join(", ")
    : "nothing in this time";

function table(title, spans, shown) {
  const rows = spans
    .map((at, index) => [at, shown.map((one) => one.values[index])])
    .filter(([, values]) => values.some(Boolean))
    .reverse();
  const body = h("div", {
    class: "scroll",
    tabindex: "0",
    role: "region",
    "aria-label": `${title}, as a table`,
  });
  const details = h(
    "details",
    {
      toggle: () =>
        details.open &&
        !body.firstChild &&
        body.append(
          h(
            "table",
            {},
            h(
              "thead",
              {},
              h(
                "tr",
                {},
                h("th", { scope: "col" }, "UTC"),
                shown.map((one) => h("th", { scope: "col", class: "n" }, one.name)),
              ),
            ),
            h(
              "tbody",
              {},
              rows.map(([at, values]) =>
                h(
                  "tr",
                  {},
                  h("th", { scope: "row" }, clock(at)),
                  values.map((value) => h("td", { class: "n" }, number(value))),
                ),
              ),
            ),
          ),
        ),
    },
    h("summary", {}, "As a table"),
    body,
  );
  return details;
}

/** Spreads rows `{at, …}` over all spans from `past` seconds before `now`. */
export function spansOf({ at, past_seconds: past, step_seconds: step }) {
  const last = Math.floor(Date.parse(at) / 1000 / step) * step;
  return Array.from(
    { length: Math.round(past / step) },
    (_, index) => (last - past + step * (index + 1)) * 1000,
  );
}
