// @ts-check
// Health in one sentence: all is well, or exactly what is not, the weightiest first, each with the way
// to its fix.

import { number, plural, span } from "./text.js";

const LATE_S = 30;
const SPENT_SOON_S = 4 * 3600;
const ROLES = {
  worker: "nothing is refreshed",
  scheduler: "accounts that are due wait",
  "log-writer": "entries wait to be stored",
};
/** @typedef {import("./verdict_view.js").Verdict} Verdict */
/** @typedef {(tone: Tone, text: string, href: string, link: string) => unknown} Add */

/** @param {Instance} instance @param {string} role */
const runs = (instance, role) => instance.live && (instance.role === role || instance.role === "all");

/** @param {Summary} summary @param {Workers | null} workers @returns {Verdict} */
export function judge(summary, workers) {
  /** @type {Verdict["problems"]} */
  const problems = [];
  /** @type {Add} */
  const add = (tone, text, href, link) => problems.push({ tone, text, href, link });
  const health = summary.health;
  if (health.missing)
    add(
      "bad",
      `${plural(health.missing, "attempt")} without an entry`,
      "#instances",
      "look at the log-writers",
    );
  if (workers) fleet(workers, add);
  else {
    if (health.workers === 0)
      add("bad", "No worker is live: nothing is refreshed", "/terminal", "see the last entries");
    if (!((health.last_tick_age_seconds ?? 0) < LATE_S))
      add("bad", "The scheduler is late: accounts that are due wait", "/terminal", "see the last entries");
    if ((health.outbox_age_seconds ?? 0) > LATE_S)
      add("warn", "Entries wait to be stored", "/terminal", "see the last entries");
  }
  accounts(summary, add);
  for (const keyset of summary.quota) keysetOf(keyset, add);
  /** @type {Record<string, number>} */
  const rank = { bad: 0, warn: 1 };
  problems.sort((a, b) => rank[a.tone] - rank[b.tone]);
  const tone = problems[0]?.tone ?? "ok";
  return { tone, text: problems.length ? headline(problems) : allWell(summary, workers), problems };
}

/** @param {Verdict["problems"]} problems */
const headline = ([first, ...rest]) =>
  `${first.text}${rest.length ? `; and ${plural(rest.length, "more thing")} to see to` : ""}.`;

/** @param {Summary} summary @param {Workers | null} workers */
function allWell({ accounts: all, statuses, health }, workers) {
  const last = Math.max(...statuses.map((status) => Date.parse(status.last_success_at) || 0));
  const paused = statuses.find((row) => row.status === "paused")?.accounts ?? 0;
  const count = all - paused;
  const said = [
    all === 0
      ? "No accounts yet"
      : count === 0
        ? "Every account is paused"
        : count === 1
          ? "The one account is fresh"
          : `All ${number(count)} accounts fresh`,
  ];
  if (count && paused) said.push(`${number(paused)} paused`);
  if (last > 0) said.push(`last refresh ${span((Date.parse(health.at) - last) / 1000)} ago`);
  const live = workers?.instances.filter((instance) => runs(instance, "worker")) ?? [];
  said.push(`${plural(workers ? live.length : health.workers, "worker")}${workers ? ", one version" : ""}`);
  return `${said.join("; ")}.`;
}

/** @param {Workers} workers @param {Add} add */
function fleet({ instances, queues, scheduler, health }, add) {
  const live = instances.filter((instance) => instance.live);
  for (const [role, then] of Object.entries(ROLES))
    if (!instances.some((instance) => runs(instance, role)))
      add("bad", `No ${role} is live: ${then}`, "#instances", `start \`token-refresh ${role}\``);
  if (
    live.some((instance) => ["scheduler", "all"].includes(instance.role)) &&
    !((scheduler.last_tick_age_seconds ?? 0) < LATE_S)
  )
    add(
      "bad",
      scheduler.last_tick_age_seconds === null
        ? "The scheduler has not finished a tick"
        : `The scheduler last finished a tick ${span(scheduler.last_tick_age_seconds)} ago`,
      "#scheduler",
      "look at the scheduler",
    );
  if ((health.outbox_age_seconds ?? 0) > 15)
    add(
      "warn",
      `Entries wait to be stored for ${span(health.outbox_age_seconds ?? 0)}`,
      "#scheduler",
      "look at the lag",
    );
  if (!queues) add("bad", "The broker does not answer", "#queues", "check AMQP_URL and RabbitMQ");
  for (const queue of queues ?? [])
    if (isDead(queue.name) && queue.messages)
      add("warn", `${plural(queue.messages, "dead letter")} in ${queue.name}`, "#dead-letters", "read them");
  const versions = new Set(live.map((instance) => `${instance.version} ${instance.commit}`));
  if (versions.size > 1)
    add("warn", `${versions.size} versions run side by side`, "#instances", "compare the instances");
  const keys = new Set(live.map((instance) => instance.key_ids.join(", ")));
  if (keys.size > 1) add("warn", "Live processes hold different keys", "#instances", "compare the keys");
  const silent = instances.filter((instance) => !instance.live && !instance.stopped_at).length;
  if (silent)
    add(
      "warn",
      `${plural(silent, "process", "processes")} fell silent without stopping`,
      "#instances",
      "look at the instances",
    );
}

/** @param {string} queue */
const isDead = (queue) => queue.endsWith(".dead") || queue === "unroutable";

/** One keyset: whether eBay takes its calls, and whether its day suffices. @param {KeysetUse} keyset @param {Add} add */
function keysetOf(
  { client_id: name, state, state_reason: why, calls, daily_quota: quota, demoted, forecast },
  add,
) {
  const see = (/** @type {Tone} */ tone, /** @type {string} */ text) =>
    add(tone, text, "#quota", "see the keyset");
  if (state === "blocked")
    add(
      "bad",
      `eBay does not accept the credentials of keyset ${name}`,
      "#quota",
      "`token-refresh keysets secret`",
    );
  if (state === "suspended")
    see("bad", `Keyset ${name} is suspended${why ? `: ${why}` : ""}; single calls ask whether eBay is back`);
  const share = calls / Math.max(1, quota);
  const left = forecast.exhausted_in_seconds;
  if (share >= 1) see("bad", `The daily calls of ${name} are spent`);
  else if (left !== null && left < SPENT_SOON_S)
    see("warn", `At this pace the daily calls of ${name} are spent in ${span(left)}`);
  else if (share >= 0.8) see("warn", `${Math.round(share * 100)} % of the daily calls of ${name} are spent`);
  if (demoted)
    see(
      "warn",
      `${plural(demoted, "account")} of ${name} ${demoted === 1 ? "is" : "are"} refreshed once a day only: the quota does not suffice for all`,
    );
}

/** @param {Summary} summary @param {Add} add */
function accounts({ statuses }, add) {
  /** @type {Record<string, [Tone, string, string]>} */
  const words = {
    reconnect_required: [
      "bad",
      "must be connected again by the seller",
      "must be connected again by their sellers",
    ],
    blocked: ["bad", "is blocked by a key or keyset", "are blocked by a key or keyset"],
    expired: ["bad", "has no valid token", "have no valid token"],
  };
  for (const [status, [tone, one, many]] of Object.entries(words)) {
    const found = statuses.find((row) => row.status === status);
    if (found?.accounts)
      add(
        tone,
        `${plural(found.accounts, "account")} ${found.accounts === 1 ? one : many}`,
        `/accounts?status=${status}`,
        "see which",
      );
  }
  const ending = statuses
    .filter((row) => row.status !== "reconnect_required")
    .reduce((sum, row) => sum + row.ending, 0);
  if (ending)
    add(
      "warn",
      `${plural(ending, "account")} must be connected again within 30 days`,
      "/accounts?ends_within_days=30",
      "see which",
    );
  const failing = statuses
    .filter((row) => !words[row.status] && row.status !== "paused")
    .reduce((sum, row) => sum + row.failing, 0);
  if (failing)
    add(
      "warn",
      `${plural(failing, "account")} failed last time, still with a valid token`,
      "/accounts?failing=true",
      "see which",
    );
}
