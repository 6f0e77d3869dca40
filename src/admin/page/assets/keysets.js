// @ts-check
// Keysets: whether eBay takes their calls, what of the day is spent, and for how many accounts it suffices.

import { badge, foreign, h } from "./dom.js";
import { number, plural, span } from "./text.js";

/** What the last hour's pace comes to. @param {KeysetUse["forecast"]} forecast */
const pace = ({ exhausted_in_seconds: left }) =>
  left === null ? "at this pace they last" : `at this pace spent in ${span(left)}`;

/** @param {KeysetUse} one */
function keyset(one) {
  const share = one.calls / Math.max(1, one.daily_quota);
  const meter = { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0, value: Math.min(1, share) };
  const spent = `${number(one.calls)} of ${number(one.daily_quota)} calls (${(share * 100).toFixed(1)} %)`;
  const why = one.state_reason ? `: ${one.state_reason}` : "";
  return h(
    "div",
    { class: "keyset" },
    h(
      "p",
      {},
      h("strong", {}, foreign(one.client_id)),
      " ",
      h("span", { class: "muted" }, one.environment),
      " ",
      badge(one.tone, one.state + why),
    ),
    h(
      "p",
      { class: "meter-row" },
      h("meter", { ...meter, "aria-label": "share of the quota" }),
      ` ${spent}; ${pace(one.forecast)}`,
    ),
    h(
      "p",
      { class: "muted" },
      `${plural(one.accounts, "account")}; the quota keeps ${number(one.forecast.capacity)} fresh`,
      one.demoted > 0 && `; ${number(one.demoted)} refreshed once a day only`,
    ),
  );
}

/** A paragraph or three per keyset. @param {KeysetUse[]} all */
export const keysets = (all) =>
  all.length ? all.map(keyset) : [h("p", { class: "muted" }, "No keyset is lent to your organisations.")];
