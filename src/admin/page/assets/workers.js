// The start page: is all well, or what is not; who runs, what waits, and what happened.

import { session, h, foreign, number, plural, prose, span, when, badge } from "./dom.js";
import { getWorkers, getSummary, getSeries } from "./api.js";
import { repeat } from "./live.js";
import { judge, isDead } from "./verdict.js";
import { plot, spansOf } from "./plot.js";
import { keysets } from "./keysets.js";
import { deadLetters } from "./dead_letters.js";
import { toneOf } from "./entry.js";

const EVERY_MS = 3000;
const PLOTS_EVERY_MS = 20_000;
const admin = session.platform_admin;

const sentence = h("p", { class: "sentence", role: "status" }, "Looking …");
const problems = h("ul", { class: "problems", hidden: true });
const asOf = h("p", { class: "muted as-of" });
const part = (id, title, ...inside) =>
  h(
    "section",
    { id, "aria-labelledby": `${id}-title`, class: "panel" },
    h("h2", { id: `${id}-title` }, title),
    ...inside,
  );
const body = (label) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label });
const instances = body("Table of instances"),
  queues = body("Table of queues"),
  quota = h("div", { class: "keysets" });
const letters = h("div", {}),
  figures = h("dl", { class: "figures" }),
  plots = h("div", { class: "plots" }),
  range = h("div", { class: "switch", role: "group", "aria-label": "How far back" });
let past = "hour";

document
  .querySelector("main")
  .append(
    h(
      "div",
      { class: "verdict-row" },
      h(
        "section",
        { class: "verdict", "aria-labelledby": "health" },
        h("h1", { id: "health", class: "offscreen" }, "Workers"),
        sentence,
        problems,
        asOf,
      ),
      h(
        "a",
        { class: "button primary open-terminal", href: "/terminal" },
        h("strong", {}, "Token refresh terminal"),
        h("span", {}, "worker + debug"),
      ),
    ),
    h(
      "div",
      { class: "grid" },
      part("activity", "Refreshes", range, plots),
      h(
        "div",
        { class: "column" },
        part("scheduler", "Figures", figures),
        part("quota", "Keysets: calls in the last 24 hours", quota),
      ),
      admin && part("instances", "Instances", instances),
      admin && part("queues", "Queues", queues),
      admin && part("dead-letters", "Dead letters", letters),
    ),
  );

const table = (heads, rows, none) =>
  rows.length
    ? h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            heads.map((head) =>
              h("th", { scope: "col", class: head.startsWith("#") ? "n" : null }, head.replace("#", "")),
            ),
          ),
        ),
        h("tbody", {}, rows),
      )
    : h("p", { class: "muted" }, prose(none));
const row = (first, ...cells) =>
  h(
    "tr",
    {},
    h("th", { scope: "row" }, first),
    cells.map((cell) => (cell?.tagName === "TD" ? cell : h("td", {}, cell))),
  );
const n = (value) => h("td", { class: "n" }, typeof value === "number" ? number(value) : value);

function showInstances(all, now) {
  const live = all.filter((one) => one.live);
  const usual = (of) =>
    [...live.reduce((seen, one) => seen.set(of(one), (seen.get(of(one)) ?? 0) + 1), new Map())].sort(
      (a, b) => b[1] - a[1],
    )[0]?.[0];
  const [version, keys] = [
    usual((one) => `${one.version} ${one.commit}`),
    usual((one) => one.key_ids.join(", ")),
  ];
  const odd = (text, is, word) =>
    is ? h("span", {}, foreign(text), " ", badge("warn", word)) : foreign(text);
  instances.replaceChildren(
    table(
      ["Role", "State", "Version", "Commit", "Keys", "#In flight", "Last seen", "Instance"],
      all.map((one) => {
        const state = one.live
          ? badge("ok", "live")
          : one.stopped_at
            ? badge("off", "stopped")
            : badge("bad", "silent");
        return row(
          one.role,
          state,
          odd(one.version, one.live && `${one.version} ${one.commit}` !== version, "differs"),
          foreign(one.commit.slice(0, 10)),
          odd(one.key_ids.join(", "), one.live && one.key_ids.join(", ") !== keys, "differs"),
          n(one.in_flight),
          when(one.last_seen_at, now),
          h("span", { class: "muted" }, foreign(one.id)),
        );
      }),
      "No process was heard of within the hour. Start `token-refresh all`, or one process per role.",
    ),
  );
}

function showQueues(all) {
  if (!all)
    return queues.replaceChildren(
      h("p", { class: "problem" }, "✕ The broker does not answer: check AMQP_URL and RabbitMQ."),
    );
  queues.replaceChildren(
    table(
      ["Queue", "State", "#Waiting", "#Consumers"],
      all.map((queue) => {
        const dead = isDead(queue.name);
        const state = dead
          ? queue.messages
            ? badge("warn", "dead letters")
            : badge("ok", "empty")
          : queue.consumers
            ? badge("ok", "consumed")
            : badge("bad", "no consumer");
        return row(queue.name, state, n(queue.messages), n(dead ? "–" : queue.consumers));
      }),
      "There are no queues: run `token-refresh migrate`.",
    ),
  );
  showLetters(all.filter((queue) => isDead(queue.name) && queue.messages));
}

let lettersShown = null;
function showLetters(dead) {
  // While a list is open its letters are taken for a moment, and the queue looks empty.
  if (letters.contains(document.activeElement) || letters.querySelector("details[open]")) return;
  const now = JSON.stringify(dead);
  if (now === lettersShown) return;
  lettersShown = now;
  letters.replaceChildren(
    ...(dead.length
      ? dead.map((queue) =>
          deadLetters(queue.name, queue.messages, () => {
            lettersShown = null;
            look();
          }),
        )
      : [h("p", { class: "muted" }, badge("ok", "None: every message was handled."))]),
  );
}

function showFigures(summary, workers) {
  const health = summary.health;
  const age = (seconds, none = "never") =>
    seconds === null || seconds === undefined ? none : `${span(seconds)} ago`;
  const all = [
    ["Scheduler’s last tick", age(health.last_tick_age_seconds)],
    ["Newest entry", age(health.newest_entry_age_seconds, "none yet")],
    ["Log-writer’s lag", health.outbox_age_seconds === null ? "none" : span(health.outbox_age_seconds)],
    workers && ["Outbox", plural(health.outbox, "entry", "entries")],
    workers && ["Due and waiting", plural(health.due_backlog, "account")],
    workers && ["In flight", plural(health.in_flight, "attempt")],
    workers && [
      "Attempts = stored + outbox + in flight",
      `${number(health.attempts)} = ${number(health.stored)} + ${number(health.outbox)} + ${number(health.in_flight)}${health.missing ? ` (${number(health.missing)} missing)` : ""}`,
    ],
    ["Live feed", health.live ? "live" : "interrupted"],
    ...summary.statuses.map((status) => [
      h("a", { href: `/accounts?status=${status.status}` }, `Accounts ${status.status.replaceAll("_", " ")}`),
      number(status.accounts),
    ]),
  ].filter(Boolean);
  figures.replaceChildren(...all.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))));
}

let told = "";
async function look() {
  try {
    const [summary, workers] = await Promise.all([getSummary(), admin ? getWorkers() : null]);
    const now = summary.health.at;
    const verdict = judge(summary, workers);
    const text = JSON.stringify([verdict.text.replace(/\d+ (s|min) ago/, ""), verdict.tone]);
    if (text !== told) sentence.setAttribute("aria-live", "polite");
    else sentence.setAttribute("aria-live", "off");
    told = text;
    const [first, ...rest] = verdict.problems;
    const fix = (one) => h("a", { href: one.href }, prose(one.link));
    sentence.replaceChildren(badge(verdict.tone, verdict.text), " ", first ? fix(first) : "");
    sentence.parentElement.className = `verdict ${verdict.tone}`;
    problems.replaceChildren(...rest.map((one) => h("li", {}, badge(one.tone, one.text), " ", fix(one))));
    problems.hidden = rest.length === 0;
    asOf.textContent = `as of ${now.slice(11, 19)} UTC`;
    showFigures(summary, workers);
    quota.replaceChildren(...keysets(summary.quota));
    if (workers) {
      showInstances(workers.instances, now);
      showQueues(workers.queues);
    }
  } catch (error) {
    told = "";
    sentence.replaceChildren(
      badge(
        "bad",
        error.status === 0
          ? "The admin process does not answer; it is asked again by itself."
          : error.message,
      ),
    );
    sentence.parentElement.className = "verdict bad";
    asOf.textContent = "What stands below may be old.";
  }
}

async function lookBack() {
  const series = await getSeries(past).catch(() => null);
  if (!series) return;
  const spans = spansOf(series);
  const index = new Map(spans.map((at, place) => [at, place]));
  const classes = new Map();
  for (const one of series.classes) {
    if (!classes.has(one.class))
      classes.set(
        one.class,
        spans.map(() => 0),
      );
    const place = index.get(Date.parse(one.at));
    if (place !== undefined) classes.get(one.class)[place] += one.entries;
  }
  const order = Object.keys(session.classes);
  const found = [...classes].sort(([a], [b]) => order.indexOf(a) - order.indexOf(b));
  const seen = { ok: 0, warn: 0, bad: 0 };
  const drawn = [
    plot(
      `Refreshes by class, last ${past}`,
      spans,
      found.map(([name, values]) => ({ name, values, tone: `${toneOf(name)}-${seen[toneOf(name)]++ % 4}` })),
    ),
  ];
  if (series.backlog) {
    const waits = (field) =>
      spans.map((at) => series.backlog.find((sample) => Date.parse(sample.at) === at)?.[field] ?? 0);
    drawn.push(
      plot(
        `Backlog, last ${past}`,
        spans,
        [
          { name: "accounts due", tone: "line-0", values: waits("due") },
          { name: "entries in the outbox", tone: "line-1", values: waits("outbox") },
        ],
        { stacked: false },
      ),
    );
  }
  if (plots.querySelector("details[open]")) return;
  plots.replaceChildren(...drawn);
}

for (const one of ["hour", "day"])
  range.append(
    h(
      "button",
      {
        "aria-pressed": String(one === past),
        click: (event) => {
          past = one;
          for (const button of range.children)
            button.setAttribute("aria-pressed", String(button === event.currentTarget));
          plots.replaceChildren();
          lookBack();
        },
      },
      `Last ${one}`,
    ),
  );

repeat(EVERY_MS, look);
repeat(PLOTS_EVERY_MS, lookBack);
