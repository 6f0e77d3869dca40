// @ts-check
// The start page: is all well, or what is not; who runs, what waits, and what happened.

import { Activity } from "./activity.js";
import { getSummary, getWorkers, messageOf, statusOf } from "./api.js";
import { find, h, put } from "./dom.js";
import { figures } from "./figures.js";
import { instancesTable } from "./instances.js";
import { keysets } from "./keysets.js";
import { DeadQueues, queuesTable } from "./queues.js";
import { repeat } from "./repeat.js";
import { session } from "./session.js";
import { judge } from "./verdict.js";
import { VerdictView } from "./verdict_view.js";

const EVERY_MS = 3000;
const PLOTS_EVERY_MS = 20_000;
const admin = session.platform_admin;

/** @param {string} id @param {string} title @param {Child[]} inside */
const part = (id, title, ...inside) =>
  h(
    "section",
    { id, "aria-labelledby": `${id}-title`, class: "panel" },
    h("h2", { id: `${id}-title` }, title),
    inside,
  );

/** @param {string} label */
const body = (label) => h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label });

const verdict = new VerdictView();
const activity = new Activity();
const instances = body("Table of instances");
const queues = body("Table of queues");
const quota = h("div", { class: "keysets" });
const letters = h("div", {});
const dead = new DeadQueues(letters, look);
const all = h("dl", { class: "figures" });

find("main").append(
  h(
    "div",
    { class: "verdict-row" },
    verdict.node,
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
    part("activity", "Refreshes", activity.range, activity.plots),
    h(
      "div",
      { class: "column" },
      part("scheduler", "Figures", all),
      part("quota", "Keysets: calls in the last 24 hours", quota),
    ),
    admin && part("instances", "Instances", instances),
    admin && part("queues", "Queues", queues),
    admin && part("dead-letters", "Dead letters", letters),
  ),
);

async function look() {
  try {
    const [summary, workers] = await Promise.all([getSummary(), admin ? getWorkers() : null]);
    const now = summary.health.at;
    verdict.show(judge(summary, workers), now);
    put(all, figures(summary, admin));
    put(quota, keysets(summary.quota));
    if (!workers) return;
    put(instances, instancesTable(workers.instances, now));
    put(queues, queuesTable(workers.queues));
    if (workers.queues) dead.show(workers.queues);
  } catch (error) {
    const away = "The admin process does not answer; it is asked again by itself.";
    verdict.fail(statusOf(error) === 0 ? away : messageOf(error));
  }
}

repeat(EVERY_MS, look);
repeat(PLOTS_EVERY_MS, () => activity.look());
