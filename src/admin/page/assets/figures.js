// @ts-check
// The figures of the start page.

import { h } from "./dom.js";
import { number, plural, spaced, span } from "./text.js";

/** @param {number | null | undefined} seconds */
const age = (seconds, none = "never") =>
  seconds === null || seconds === undefined ? none : `${span(seconds)} ago`;

/** What only platform admins are given. @param {Health} health @returns {[Child, string][]} */
const ofTheFleet = (health) => [
  ["Outbox", plural(health.outbox, "entry", "entries")],
  ["Due and waiting", plural(health.due_backlog, "account")],
  ["In flight", plural(health.in_flight, "attempt")],
  ["Attempts = stored + outbox + in flight", balance(health)],
];

/** @param {Health} health */
export const balance = ({ attempts, stored, outbox, in_flight: flying, missing }) =>
  `${number(attempts)} = ${number(stored)} + ${number(outbox)} + ${number(flying)}${missing ? ` (${number(missing)} missing)` : ""}`;

/** @param {StatusCount} count @returns {[Child, string]} */
const ofStatus = ({ status, accounts }) => [
  h("a", { href: `/accounts?status=${status}` }, `Accounts ${spaced(status)}`),
  number(accounts),
];

/** Names and values. @param {Summary} summary @param {boolean} fleet whether the fleet's are among them */
export function figures({ health, statuses }, fleet) {
  /** @type {[Child, string][]} */
  const all = [
    ["Scheduler’s last tick", age(health.last_tick_age_seconds)],
    ["Newest entry", age(health.newest_entry_age_seconds, "none yet")],
    ["Log-writer’s lag", health.outbox_age_seconds === null ? "none" : span(health.outbox_age_seconds)],
    ...(fleet ? ofTheFleet(health) : []),
    ["Live feed", health.live ? "live" : "interrupted"],
    ...statuses.map(ofStatus),
  ];
  return all.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value)));
}
