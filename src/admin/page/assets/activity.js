// @ts-check
// What happened: refreshes by class, and what waited, over the last hour or day.

import { getSeries } from "./api.js";
import { h, put } from "./dom.js";
import { plot } from "./plot.js";
import { spansOf, sums } from "./scale.js";
import { toneOf, words } from "./session.js";

/** Shades that a tone has in plots. */
const SHADES = 4;

/** Refreshes by class, those of one tone in shades of it. @param {Series} series @param {number[]} spans */
function byClass(series, spans) {
  /** @type {Record<string, number>} */
  const seen = {};
  const names = words.classes.map((one) => one.name);
  return sums(series.classes, spans, names).map(([name, values]) => {
    const tone = toneOf(name);
    seen[tone] = (seen[tone] ?? -1) + 1;
    return { name, values, tone: `${tone}-${seen[tone] % SHADES}` };
  });
}

/** @param {NonNullable<Series["backlog"]>} samples @param {number[]} spans */
function waiting(samples, spans) {
  const places = new Map(samples.map((sample) => [Date.parse(sample.at), sample]));
  return [
    { name: "accounts due", tone: "line-0", values: spans.map((at) => places.get(at)?.due ?? 0) },
    { name: "entries in the outbox", tone: "line-1", values: spans.map((at) => places.get(at)?.outbox ?? 0) },
  ];
}

export class Activity {
  constructor() {
    this.past = words.pasts[0];
    this.buttons = words.pasts.map((past) =>
      h(
        "button",
        { "aria-pressed": String(past === this.past), click: () => this.choose(past) },
        `Last ${past}`,
      ),
    );
    this.range = h("div", { class: "switch", role: "group", "aria-label": "How far back" }, this.buttons);
    this.plots = h("div", { class: "plots" });
  }

  /** @param {string} past */
  choose(past) {
    this.past = past;
    this.buttons.forEach((button, at) =>
      button.setAttribute("aria-pressed", String(words.pasts[at] === past)),
    );
    this.plots.replaceChildren();
    this.look();
  }

  async look() {
    const { past, plots } = this;
    const series = await getSeries(past).catch(() => null);
    if (!series || past !== this.past || plots.querySelector("details[open]")) return;
    const spans = spansOf(series);
    put(
      plots,
      plot(`Refreshes by class, last ${past}`, spans, byClass(series, spans)),
      series.backlog &&
        plot(`Backlog, last ${past}`, spans, waiting(series.backlog, spans), { stacked: false }),
    );
  }
}
