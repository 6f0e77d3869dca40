// The live connection: entries as they come, and its own state, which is never a guess.

import { signedOut, streamAddress, getAdminTokenTerminalLogs } from "./api.js";

/** Health comes every five seconds; a connection that brings nothing for so long is dead. */
const SILENCE_MS = 17_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/**
 * Follows entries that pass `filters` until `close()`. `told` gets `entry`, `state`, `health`, `gap`
 * and `ready` (the connection stands: what comes from here on is told).
 */
export function follow(filters, told) {
  let source,
    after,
    silence,
    retry,
    tries = 0,
    closed = false;

  function open() {
    clearTimeout(retry);
    source = new EventSource(streamAddress(filters, after));
    const observe = (name, act) =>
      source.addEventListener(name, (event) => {
        if (event.lastEventId) after = event.lastEventId;
        alive();
        act(event.data && JSON.parse(event.data));
      });
    source.addEventListener("open", () => {
      tries = 0;
      alive();
      told.state("catching-up");
    });
    source.addEventListener("error", broken);
    observe("cursor", () => told.ready());
    observe("entry", (entry) => told.entry(entry));
    observe("live", ({ live }) => told.state(live ? "live" : "delayed"));
    observe("health", (health) => {
      told.health(health);
      told.state(health.live ? "live" : "delayed");
    });
    observe("gap", (gap) => told.gap(gap));
    alive();
  }

  function alive() {
    clearTimeout(silence);
    silence = setTimeout(() => {
      source.close();
      broken();
    }, SILENCE_MS);
  }

  function broken() {
    if (closed) return;
    told.state("reconnecting");
    // Reopened here, because a browser gives up for good where the server answers with an error.
    source.close();
    clearTimeout(silence);
    clearTimeout(retry);
    retry = setTimeout(again, RETRY_MS[Math.min(tries++, RETRY_MS.length - 1)]);
  }

  /** Asks first, because a stream that is refused does not say why. */
  async function again() {
    try {
      await getAdminTokenTerminalLogs(filters.env, 1, filters);
    } catch (problem) {
      if (closed) return;
      if (problem.status === 401) {
        signedOut();
        return told.state("signed-out");
      }
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429)
        return told.state("refused", problem.message);
      return broken();
    }
    if (!closed) open();
  }

  open();
  return {
    close() {
      closed = true;
      source.close();
      clearTimeout(silence);
      clearTimeout(retry);
    },
  };
}

/** Repeats `work` every `everyMs` while the page is looked at, and at once when it is again. */
export function repeat(everyMs, work) {
  let timer,
    running = false;
  async function once() {
    clearTimeout(timer);
    if (running || document.hidden) return;
    running = true;
    try {
      await work();
    } finally {
      running = false;
      timer = setTimeout(once, everyMs);
    }
  }
  document.addEventListener("visibilitychange", once);
  once();
  return once;
}
