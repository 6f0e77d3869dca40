// One account: its state, Refresh (debug) with each phase as it happens, and the unified terminal below.

import { h, foreign, when, badge, say, mayOperate } from "./dom.js";
import { getAccounts, getAttempt, pressDebug } from "./api.js";
import { accountActions, statusBadge, trouble } from "./accounts.js";
import { mountTerminal } from "./terminal.js";
import { render, toneOf } from "./entry.js";
import { toAddress } from "./filters.js";
import { repeat } from "./live.js";

const LOOK_MS = 150;
const id = location.pathname.split("/").pop();
const main = document.querySelector("main");
const head = h("div", { class: "account-head" }, h("h1", {}, "Account"));
const press = h("button", { class: "primary", click: onPress }, "Refresh (debug)");
const said = h("div", { class: "said", role: "status" });
const phases = h("ol", { class: "phases", "aria-label": "Phases of the debug run" });
const exchange = h("div", { class: "exchange-place" });
const run = h("section", { class: "panel debug", "aria-labelledby": "debug-title", hidden: true }, h("h2", { id: "debug-title" }, "Refresh (debug)"),
  h("p", { class: "muted" }, "Runs the same handler and the same request as the scheduled refresh, at once, and shows what eBay saw."),
  h("div", { class: "actions" }, press), said, phases, exchange);
const place = h("section", { class: "terminal embedded", "aria-label": "Unified terminal" });
main.append(head, run, place);
let account, current = null, terminal;

async function load() {
  try {
    const { accounts } = await getAccounts({ account: id });
    account = accounts[0];
    if (!account) return head.replaceChildren(h("h1", {}, "No such account"), h("p", {}, "You see no account of this id, or it has no token yet. ", h("a", { href: "/accounts" }, "All accounts")));
  } catch (error) {
    return head.replaceChildren(h("h1", {}, "Account"), h("p", { class: "problem", role: "alert" }, "✕ ", foreign(error.message)));
  }
  if (document.querySelector("dialog[open]") || head.contains(document.activeElement)) return;
  show();
  run.hidden = !mayOperate(account.org_id);
  terminal ??= mountTerminal(place, { filters: {}, level: "h2" });
}

function show() {
  const now = Date.now();
  const figure = (name, value) => h("div", {}, h("dt", {}, name), h("dd", {}, value));
  document.title = `${account.account} · token-refresh`;
  head.replaceChildren(
    h("div", { class: "line" }, h("h1", {}, foreign(account.account)), statusBadge(account),
      h("span", { class: "muted" }, account.house_name && [foreign(account.house_name), " · "], foreign(account.org), " · ", account.environment),
      h("span", { class: "actions" }, accountActions(account, load).slice(0, -1), h("a", { class: "button quiet", href: toAddress({ account: account.account_id }) }, "Story"))),
    trouble(account) ?? "",
    h("dl", { class: "figures" },
      figure("Last success", when(account.last_success_at, now)), figure("Last attempt", when(account.last_attempt_at, now)),
      figure("Next refresh", account.next_refresh_at ? when(account.next_refresh_at, now) : "–"),
      figure("Access token ends", account.access_expires_at ? when(account.access_expires_at, now) : "none yet"),
      figure("Refresh token ends", account.refresh_expires_at ? when(account.refresh_expires_at, now) : "not known"),
      figure("Failures in a row", String(account.consecutive_failures))));
}

async function onPress() {
  const began = performance.now();
  const second = current !== null;
  try {
    const answer = await pressDebug(id);
    const other = answer.in_flight;
    if (second || other) {
      said.replaceChildren(badge("warn", "Another attempt is under way for this account."), " This press is recorded too: its entry will say not_run (in_flight) unless the other one has ended by then.");
      if (second) return;
    } else said.replaceChildren(answer.published ? "" : badge("warn", answer.note ?? ""));
    await watch(answer.attempt_id, began);
  } catch (error) {
    said.replaceChildren(badge("bad", error.message));
    current = null;
  }
}

/** Follows one attempt from the press to its entry. */
async function watch(attempt, began) {
  current = attempt;
  exchange.replaceChildren();
  const steps = [];
  const step = (name) => {
    const last = steps.at(-1);
    if (last) end(last);
    const time = h("span", { class: "n" });
    const one = { name, at: performance.now(), time, node: h("li", { class: "running" }, h("span", { class: "mark", "aria-hidden": "true" }, "◌"), ` ${name} `, time) };
    steps.push(one);
    phases.append(one.node);
  };
  const end = (one) => {
    one.node.className = "done";
    one.node.querySelector(".mark").textContent = "✓";
    one.time.textContent = `${Math.round(performance.now() - one.at)} ms`;
  };
  phases.replaceChildren();
  steps.push({ name: "accepted", at: began, time: h("span", { class: "n" }) });
  steps[0].node = h("li", {}, h("span", { class: "mark", "aria-hidden": "true" }, "◌"), " request stored and published ", steps[0].time);
  phases.append(steps[0].node);
  step("waiting for a worker");
  const ticking = setInterval(() => { const last = steps.at(-1); if (last.node.className === "running") last.time.textContent = `${Math.round(performance.now() - last.at)} ms`; }, 50);
  try {
    for (let failures = 0; failures < 40; ) {
      let found;
      try { found = await getAttempt(id, attempt); failures = 0; } catch (error) {
        if (error.status && error.status < 500) throw error;
        failures += 1;
        said.replaceChildren(badge("warn", "The admin process does not answer; the run goes on, and is looked for again."));
        await new Promise((resolve) => setTimeout(resolve, 1000));
        continue;
      }
      if (found.state === "running" && steps.length === 2) step("worker claimed it; token opened, call to eBay under way");
      if (found.state === undefined) {
        end(steps.at(-1));
        return finish(found, began);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    throw new Error("The admin process does not answer. The entry will be in the terminal.");
  } finally {
    clearInterval(ticking);
    current = null;
  }
}

const WORDS = { queued: "waited in the queue", claim: "claimed the account’s lease", open: "opened the sealed token", call: "called eBay" };

/** Each phase with the time the worker measured, and the exchange as eBay saw it. */
function finish(entry, began) {
  const done = (text, ms) => h("li", { class: "done" }, h("span", { class: "mark", "aria-hidden": "true" }, "✓"), ` ${text} `, h("span", { class: "n" }, `${ms} ms`));
  const measured = Object.keys(WORDS).filter((name) => name in entry.timings_ms).map((name) => done(WORDS[name], entry.timings_ms[name]));
  phases.replaceChildren(phases.firstChild, ...measured,
    h("li", { class: toneOf(entry.class) }, badge(toneOf(entry.class), entry.reason ? `${entry.class} (${entry.reason})` : entry.class), " ", h("span", { class: "n" }, `${Math.round(performance.now() - began)} ms from the press`)));
  if (entry.class !== "not_run") said.replaceChildren();
  exchange.replaceChildren(render(entry, []));
  const article = exchange.firstChild;
  article.removeAttribute("tabindex");
  article.querySelector("h2").id = `run-${entry.id}`;
  article.setAttribute("aria-labelledby", `run-${entry.id}`);
  article.classList.add("single");
  say(`The debug run ended: ${entry.class}.`, toneOf(entry.class));
  load();
}

repeat(4000, load);
