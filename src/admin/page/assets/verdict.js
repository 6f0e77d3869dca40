// @ts-check
// Where on the page each kind of finding is seen to. What is wrong, and how much it matters, is the
// server's to say.

import { words } from "./session.js";

/** @type {Record<string, string>} */
const PLACES = {
  overdue: "/accounts?status=expired",
  expired: "/accounts?status=expired",
  blocked: "/accounts?status=blocked",
  reconnect_required: "/accounts?status=reconnect_required",
  ending: `/accounts?ends_within_days=${words.ends_soon_days}`,
  failing: "/accounts?failing=true",
  keyset_blocked: "#quota",
  keyset_suspended: "#quota",
  quota_spent: "#quota",
  quota_ending: "#quota",
  demoted: "#quota",
  tick_late: "#scheduler",
  outbox_late: "#scheduler",
  missing: "#scheduler",
  feed_interrupted: "#scheduler",
};

/** What only platform admins are shown. @type {Record<string, string>} */
const FLEET_PLACES = {
  no_worker: "#instances",
  no_scheduler: "#instances",
  no_log_writer: "#instances",
  versions_differ: "#instances",
  clock_step: "#instances",
  keys_differ: "#instances",
  not_taking: "#instances",
  silent: "#instances",
  broker_away: "#queues",
  dead_letters: "#dead-letters",
};

/** @param {string} kind @param {boolean} fleet whether the fleet is shown @returns {string | undefined} */
export const placeOf = (kind, fleet) => PLACES[kind] ?? (fleet ? FLEET_PLACES[kind] : undefined);
