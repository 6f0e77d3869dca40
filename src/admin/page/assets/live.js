// @ts-check
// The live connection: entries as they come, and its own state, which is never a guess.

import { getAdminTokenTerminalLogs, messageOf, signedOut, statusOf, streamAddress } from "./api.js";

/** Health comes every five seconds; a connection that brings nothing for so long is dead. */
const SILENCE_MS = 17_000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];

/**
 * What is called as the connection goes on. `ready`: the connection stands, and what comes from here on is told.
 * @typedef {object} Told
 * @property {(entry: Entry) => void} entry
 * @property {(state: string, why?: string) => void} state
 * @property {(health: Health) => void} health
 * @property {() => void} gap
 * @property {() => void} ready
 */

/** Whether an error says that asking again is no use. @param {unknown} error */
export const isFinal = (error) => {
  const status = statusOf(error);
  return status >= 400 && status < 500 && status !== 429;
};

/** Follows entries that pass the filters until it is closed. */
export class Link {
  /** @param {Filters} filters @param {Told} told */
  constructor(filters, told) {
    this.filters = filters;
    this.told = told;
    this.closed = false;
    this.tries = 0;
    /** @type {string | undefined} */
    this.after = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.silence = undefined;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.retry = undefined;
    this.source = this.open();
  }

  open() {
    clearTimeout(this.retry);
    const { told } = this;
    const source = new EventSource(streamAddress(this.filters, this.after));
    this.source = source;
    source.addEventListener("open", () => {
      this.tries = 0;
      this.alive();
      told.state("catching-up");
    });
    source.addEventListener("error", () => this.broken());
    this.observe("cursor", () => told.ready());
    this.observe("entry", told.entry);
    this.observe("live", ({ live }) => told.state(live ? "live" : "delayed"));
    this.observe("health", (health) => {
      told.health(health);
      told.state(health.live ? "live" : "delayed");
    });
    this.observe("gap", () => told.gap());
    this.alive();
    return source;
  }

  /** @param {string} name @param {(data: any) => void} act */
  observe(name, act) {
    this.source.addEventListener(name, (event) => {
      if (event.lastEventId) this.after = event.lastEventId;
      this.alive();
      act(event.data && JSON.parse(event.data));
    });
  }

  alive() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.broken(), SILENCE_MS);
  }

  broken() {
    if (this.closed) return;
    this.told.state("reconnecting");
    // Reopened here, because a browser gives up for good where the server answers with an error.
    this.stop();
    this.retry = setTimeout(() => this.again(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
  }

  /** Asks first, because a stream that is refused does not say why. */
  async again() {
    try {
      await getAdminTokenTerminalLogs(this.filters.env, 1, this.filters);
    } catch (error) {
      if (this.closed) return;
      if (statusOf(error) === 401) {
        signedOut();
        return this.told.state("signed-out");
      }
      return isFinal(error) ? this.told.state("refused", messageOf(error)) : this.broken();
    }
    if (!this.closed) this.open();
  }

  stop() {
    this.source.close();
    clearTimeout(this.silence);
    clearTimeout(this.retry);
  }

  close() {
    this.closed = true;
    this.stop();
  }
}
