// Keysets: whether eBay takes their calls, what of the day is spent, and for how many accounts it suffices.

import { h, foreign, number, plural, span, badge } from "./dom.js";

const STATES = {
  ready: () => badge("ok", "ready"),
  blocked: (why) => badge("bad", `blocked${why ? `: ${why}` : ""}`),
  suspended: (why) => badge("bad", `suspended${why ? `: ${why}` : ""}`),
};

/** What the last hour's pace comes to. */
const pace = ({ exhausted_in_seconds: left }) =>
  left === null ? "at this pace they last" : `at this pace spent in ${span(left)}`;

function keyset(one) {
  const share = one.calls / Math.max(1, one.daily_quota);
  const meter = { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0, value: Math.min(1, share) };
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
      (STATES[one.state] ?? (() => badge("warn", one.state)))(one.state_reason),
    ),
    h(
      "p",
      { class: "meter-row" },
      h("meter", { ...meter, "aria-label": "share of the quota" }),
      ` ${number(one.calls)} of ${number(one.daily_quota)} calls (${(share * 100).toFixed(1)} %); ${pace(one.forecast)}`,
    ),
    h(
      "p",
      { class: "muted" },
      `${plural(one.accounts, "account")}; the quota keeps ${number(one.forecast.capacity)} fresh`,
      one.demoted > 0 && `; ${number(one.demoted)} refreshed once a day only`,
    ),
  );
}

/** A paragraph or three per keyset. */
export function keysets(all) {
  if (!all.length) return [h("p", { class: "muted" }, "No keyset is lent to your organisations.")];
  return all.map(keyset);
}
