// Refresh (debug): from the press to the entry, each phase with its time as it happens.

import { h, badge, say } from "./dom.js";
import { getAttempt, pressDebug } from "./api.js";
import { render, toneOf } from "./entry.js";

const LOOK_MS = 150;
const TICK_MS = 50;
const AWAY_MS = 1000;
const AWAY_MAX = 40;

/** What happens, and at which of the attempt's instants it begins. */
const UNDER_WAY = [
  ["waiting for a worker", "requested_at"],
  ["claimed by a worker; opening the sealed token", "claimed_at"],
  ["calling eBay", "called_at"],
];
/** The phases that the worker measured, in their order. */
const MEASURED = {
  queued: "waited for a worker",
  claim: "claimed the account’s lease",
  open: "opened the sealed token",
  call: "called eBay",
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const nameOf = (entry) => (entry.reason ? `${entry.class} (${entry.reason})` : entry.class);
const line = (state, text, ms) =>
  h(
    "li",
    { class: state },
    h("span", { class: "mark", "aria-hidden": "true" }, state === "done" ? "✓" : "◌"),
    ` ${text} `,
    h("span", { class: "n" }, `${Math.max(0, Math.round(ms))} ms`),
  );

/** The section of one account. `ended` is called when a run has ended. */
export function debugRun(account, ended) {
  const said = h("div", { class: "said", role: "status" });
  const phases = h("ol", { class: "phases", "aria-label": "Phases of the debug run" });
  const exchange = h("div", { class: "exchange-place" });
  let watching = false;

  async function press() {
    const began = performance.now();
    const second = watching;
    try {
      const answer = await pressDebug(account);
      if (second || answer.in_flight)
        said.replaceChildren(
          badge("warn", "Another attempt is under way for this account."),
          " This press is recorded too: its entry will say not_run (in_flight) unless the other one has ended by then.",
        );
      else said.replaceChildren(answer.published ? "" : badge("warn", answer.note ?? ""));
      if (!second) await watch(answer.attempt_id, began);
    } catch (error) {
      said.replaceChildren(badge("bad", error.message));
    }
  }

  /** Follows one attempt from the press to its entry. */
  async function watch(attempt, began) {
    watching = true;
    exchange.replaceChildren();
    const accepted = performance.now() - began;
    let known = null,
      ahead = 0;
    // The database's time: that of its last answer, and what went by here since.
    const now = () => Date.now() + ahead;
    const draw = () => {
      const times = UNDER_WAY.map(([, since]) => known?.[since] && Date.parse(known[since]));
      phases.replaceChildren(
        line("done", "request stored and published", accepted),
        ...UNDER_WAY.map(
          ([text], at) =>
            times[at] && line(times[at + 1] ? "done" : "running", text, (times[at + 1] ?? now()) - times[at]),
        ).filter(Boolean),
      );
    };
    draw();
    const ticking = setInterval(draw, TICK_MS);
    try {
      for (let away = 0; away < AWAY_MAX;) {
        try {
          const found = await getAttempt(account, attempt);
          if (!found.state) {
            clearInterval(ticking);
            return finish(found, accepted, began);
          }
          [known, away, ahead] = [found.phases, 0, Date.parse(found.phases.at) - Date.now()];
        } catch (error) {
          if (error.status && error.status < 500) throw error;
          away += 1;
          said.replaceChildren(
            badge("warn", "The admin process does not answer; the run goes on, and is looked for again."),
          );
          await pause(AWAY_MS);
        }
        await pause(LOOK_MS);
      }
      throw new Error("The admin process does not answer. The entry will be in the terminal.");
    } finally {
      clearInterval(ticking);
      watching = false;
    }
  }

  /** Each phase with the time the worker measured, and the exchange as eBay saw it. */
  function finish(entry, accepted, began) {
    const measured = Object.entries(MEASURED).filter(([name]) => name in entry.timings_ms);
    phases.replaceChildren(
      line("done", "request stored and published", accepted),
      ...measured.map(([name, text]) => line("done", text, entry.timings_ms[name])),
      h(
        "li",
        { class: toneOf(entry.class) },
        badge(toneOf(entry.class), nameOf(entry)),
        " ",
        h("span", { class: "n" }, `${Math.round(performance.now() - began)} ms from the press`),
      ),
    );
    if (entry.class !== "not_run") said.replaceChildren();
    const article = render(entry, []);
    article.removeAttribute("tabindex");
    article.querySelector("h2").id = `run-${entry.id}`;
    article.setAttribute("aria-labelledby", `run-${entry.id}`);
    article.classList.add("single");
    exchange.replaceChildren(article);
    say(`The debug run ended: ${entry.class}.`, toneOf(entry.class));
    ended();
  }

  return h(
    "section",
    { class: "panel debug", "aria-labelledby": "debug-title", hidden: true },
    h("h2", { id: "debug-title" }, "Refresh (debug)"),
    h(
      "p",
      { class: "muted" },
      "Runs the same handler and the same request as the scheduled refresh, at once, and shows what eBay saw.",
    ),
    h("div", { class: "actions" }, h("button", { class: "primary", click: press }, "Refresh (debug)")),
    said,
    phases,
    exchange,
  );
}
