// The token refresh terminal: every attempt of worker and debug, newest first, live.

import { h, number, utc, plural, span, say, copy } from "./dom.js";
import { getAdminTokenTerminalLogs, downloadAddress } from "./api.js";
import { follow } from "./live.js";
import { filterForm, toAddress } from "./filters.js";
import { toText } from "./entry.js";
import { List } from "./list.js";
import { Picked } from "./compare.js";
import { whyEmpty, saysWhy } from "./empty.js";

const PAGE = 100;
/** Entries kept loaded; what is older is read again when somebody scrolls there. */
const LOADED_MAX = 20_000;
/** Entries that wait for a paused view; beyond, the view reads them again when it goes on. */
const WAITING_MAX = 10_000;

const STATES = {
  connecting: ["wait", "Connecting"],
  "catching-up": ["wait", "Catching up"],
  live: ["live", "Live"],
  delayed: ["warn", "Delayed: the broker is away, entries come within seconds"],
  reconnecting: ["bad", "Not connected: reconnecting"],
  "signed-out": ["bad", "Signed out"],
  refused: ["bad", "Refused"],
};

/**
 * Puts a terminal into `place`. With `filters` it shows that view for good; without, the address
 * decides and a form changes it.
 */
export function mountTerminal(place, { filters: fixed, level = "h1" } = {}) {
  let filters = fixed ?? {},
    link,
    generation = 0,
    next = null,
    reading = false,
    first = true;
  let paused = false,
    waiting = [],
    overflowed = false,
    state = "connecting",
    why = "",
    since = Date.now(),
    health = null,
    problem = null;
  let arrived = [],
    frame = 0;

  const count = h("strong", { class: "count" }, "0");
  const older = h("span", { class: "muted" });
  const pill = h("span", { class: "pill", role: "status" });
  const pause = h(
    "button",
    { "aria-pressed": "false", click: () => (paused || waiting.length ? resume() : hold()) },
    "Pause",
  );
  const wait = h("span", { class: "waits", role: "status" });
  const copyAll = h("button", { click: onCopyAll }, "Copy all");
  const download = h("a", { class: "button", download: "terminal-logs.jsonl" }, "Download JSON lines");
  const trust = h("p", { class: "trust" });
  const scroller = h("div", {
    class: "log",
    role: "feed",
    tabindex: "0",
    "aria-label": "Entries, newest first",
    "aria-busy": "true",
  });
  const empty = h("div", { class: "empty" });
  const foot = h("div", { class: "foot muted" });
  const list = new List(scroller, actions, looked);
  const picked = new Picked({ place: (id) => list.place(id), left: () => scroller.focus() });
  const bar = fixed ? null : filterForm(restart);
  scroller.prepend(empty);
  scroller.append(foot);
  place.append(
    h(
      "div",
      { class: "terminal-head" },
      h(
        "div",
        { class: "line" },
        h(level, {}, "Token refresh terminal ", h("span", { class: "sub" }, "worker + debug")),
        pill,
        h("span", { class: "counted" }, count, " ", older),
        h("span", { class: "actions" }, wait, pause, copyAll, download),
      ),
      bar?.form,
      trust,
      picked.node,
    ),
    scroller,
  );
  scroller.addEventListener("keydown", onKey);
  scroller.addEventListener("focusout", () => requestAnimationFrame(() => settle()));
  scroller.addEventListener("scroll", () => settle(), { passive: true });
  const ticking = setInterval(tell, 1000);

  function restart(wanted) {
    filters = wanted;
    link?.close();
    generation += 1;
    [next, waiting, arrived, problem, first, reading, overflowed] = [null, [], [], null, true, false, false];
    list.clear();
    download.href = downloadAddress(filters);
    set("connecting");
    const mine = generation;
    const told =
      (act) =>
      (...all) =>
        mine === generation && act(...all);
    link = follow(filters, {
      state: told(set),
      health: told((seen) => {
        health = seen;
        tell();
      }),
      entry: told((entry) => {
        arrived.push(entry);
        frame ||= requestAnimationFrame(flush);
      }),
      gap: told(() => restart(filters)),
      ready: told(() => first && read()),
    });
    // History is read at once too where the stream does not come up, so that the reason shows.
    setTimeout(
      told(() => first && read()),
      1500,
    );
  }

  /** The next page of the past. */
  async function read() {
    if (reading || (!first && !next)) return;
    [reading, first] = [true, false];
    scroller.setAttribute("aria-busy", "true");
    const mine = generation;
    try {
      const page = await getAdminTokenTerminalLogs(filters.env, PAGE, { ...filters, before: next });
      if (mine !== generation) return;
      [next, problem, health] = [page.next_before, null, page.health];
      list.add(page.entries);
    } catch (error) {
      if (mine !== generation) return;
      problem = error;
      first = list.length === 0;
      setTimeout(
        () =>
          mine === generation &&
          error.status !== 400 &&
          error.status !== 404 &&
          error.status !== 401 &&
          read(),
        2000,
      );
    } finally {
      if (mine === generation) {
        reading = false;
        scroller.setAttribute("aria-busy", "false");
        tell();
        list.look();
      }
    }
  }

  const reads = () =>
    scroller.scrollTop > 8 ||
    (scroller.contains(document.activeElement) && document.activeElement !== scroller);
  const held = () => paused || reads();

  function flush() {
    frame = 0;
    const fresh = arrived.filter((entry) => !list.has(entry.id));
    arrived = [];
    if (held()) {
      const known = new Set(waiting.map((entry) => entry.id));
      for (const entry of fresh) if (!known.has(entry.id)) (known.add(entry.id), waiting.push(entry));
      if (waiting.length > WAITING_MAX) [waiting, overflowed] = [[], true];
    } else {
      list.add(fresh, true);
      if (list.trim(LOADED_MAX)) next = cursor(list.rows[0].entry);
    }
    tell();
  }

  // As the API writes it: microseconds and id.
  const cursor = (entry) =>
    `${Math.floor(Date.parse(entry.created_at) / 1000)}${(entry.created_at.match(/\.(\d+)/)?.[1] ?? "").padEnd(6, "0").slice(0, 6)}-${entry.id.replaceAll("-", "")}`;

  /** Shows what waits once nobody reads any more. */
  function settle() {
    if (!paused && waiting.length && !reads()) take();
    tell();
  }
  function take() {
    if (overflowed) return restart(filters);
    const fresh = waiting;
    waiting = [];
    list.add(fresh, true);
  }
  function hold() {
    paused = true;
    tell();
  }
  function resume() {
    paused = false;
    if (scroller.contains(document.activeElement)) pause.focus();
    scroller.scrollTop = 0;
    take();
    tell();
  }

  function set(to, text = "") {
    if (to === "catching-up" && state === "live") return;
    if (to !== state) since = Date.now();
    [state, why] = [to, text];
    tell();
  }

  /** All that is said about the view, from what is known of it. */
  function tell() {
    const [tone, text] = STATES[state];
    const long = state === "reconnecting" ? ` for ${span((Date.now() - since) / 1000)}` : "";
    const said = paused ? "Paused" : text;
    write(pill, `${said}${paused ? "" : long}${why && `: ${why}`}`, paused ? "off" : tone);
    count.textContent = plural(list.length, "entry", "entries");
    older.textContent = next ? "loaded, more below" : list.length ? "in all" : "";
    const hidden = waiting.length || overflowed;
    const waits = hidden
      ? `${overflowed ? `more than ${number(WAITING_MAX)}` : number(waiting.length)} ${waiting.length === 1 ? "waits" : "wait"}${paused ? "" : " while you read"}`
      : "";
    if (wait.textContent !== waits) wait.textContent = waits;
    const label = paused || hidden ? "Resume" : "Pause";
    if (pause.textContent !== label) pause.textContent = label;
    pause.setAttribute("aria-pressed", String(paused));
    const warning = health?.warnings?.[0];
    const doubt = warning ? `▲ ${warning}` : "";
    if (trust.textContent !== doubt) trust.textContent = doubt;
    tellEmpty();
    foot.textContent =
      reading && next
        ? `reading older entries, back to ${utc(Number(next.split("-")[0]) / 1000).slice(0, 16)} UTC so far …`
        : list.length === 0
          ? ""
          : next
            ? "scroll for older entries"
            : "the beginning: there is nothing older";
  }

  let shape;
  function write(node, text, tone) {
    if (shape === tone + text) return;
    shape = tone + text;
    const mark = { live: "●", wait: "◌", warn: "▲", bad: "✕", off: "❚❚" }[tone];
    node.className = `pill ${tone}`;
    node.replaceChildren(h("span", { "aria-hidden": "true" }, mark), ` ${text}`);
  }

  let reason;
  function tellEmpty() {
    const role = list.length ? "feed" : "region";
    if (scroller.getAttribute("role") !== role) scroller.setAttribute("role", role);
    const now = list.length ? "" : whyEmpty({ state, problem, reading: first || reading || next, filters });
    if (reason === now) return;
    reason = now;
    empty.hidden = !now;
    empty.dataset.why = now;
    const clear =
      bar && Object.keys(filters).length ? h("button", { click: () => bar.set({}) }, "Clear filters") : null;
    empty.replaceChildren(...saysWhy(now, { problem, why, health, clear }));
  }

  function looked() {
    // A page may be short, or empty, where what matches is rare.
    if (list.atEnd && !reading && next) read();
  }

  function actions(entry) {
    const only = Object.keys(filters).length === 1 && filters.account === entry.account_id;
    return [
      only
        ? null
        : h(
            "a",
            {
              class: "button quiet",
              href: toAddress({ account: entry.account_id }),
              title: "All entries of this account",
            },
            "Story",
          ),
      h("button", { class: "quiet", click: () => picked.choose(entry) }, "Compare"),
      h(
        "button",
        { class: "quiet", click: () => put(toText(entry, list.place(entry.id)), "Copied the entry.") },
        "Copy",
      ),
    ];
  }

  async function put(text, done) {
    try {
      await copy(text);
      say(done);
    } catch (error) {
      say(error.message, "bad");
    }
  }
  function onCopyAll() {
    const all = list.entries();
    put(
      all.map((entry, at) => toText(entry, at + 1)).join("\n"),
      `Copied ${plural(all.length, "entry", "entries")}.`,
    );
  }

  function onKey(event) {
    const articles = [...scroller.querySelectorAll("article")];
    const at = articles.indexOf(document.activeElement.closest?.("article"));
    const step = { PageDown: 1, PageUp: -1, j: 1, k: -1 }[event.key];
    if (event.key === "Escape" && at >= 0) return pause.focus();
    if (!step || event.ctrlKey || event.metaKey || event.target.closest("input")) return;
    const to = articles[at < 0 ? (step > 0 ? 0 : -1) : at + step];
    if (to) {
      event.preventDefault();
      to.focus({ preventScroll: true });
      to.scrollIntoView({ block: "nearest" });
    }
  }

  if (bar) bar.start();
  else restart(filters);
  addEventListener("pagehide", () => link?.close());
  addEventListener("pageshow", (event) => event.persisted && restart(filters));
  return {
    list,
    restart: () => restart(filters),
    close: () => {
      link?.close();
      clearInterval(ticking);
    },
  };
}

if (document.body.classList.contains("view-terminal")) {
  const place = h("div", { class: "terminal" });
  document.querySelector("main").append(place);
  globalThis.terminal = mountTerminal(place);
}
