// @ts-check
// The API, as this page uses it.

import { h, find } from "./dom.js";

const TOKENS = "/api/admin/ebay/tokens";

/** @typedef {Record<string, string | number | null | undefined>} Query */

/** An answer that is not what was asked for; `status` 0 where there was no answer. */
export class Problem extends Error {
  /** @param {number} status @param {string} title @param {string} [detail] */
  constructor(status, title, detail) {
    super(detail || title);
    this.status = status;
    this.title = title;
  }
}

/** What an error says. @param {unknown} error */
export const messageOf = (error) => (error instanceof Error ? error.message : String(error));
/** The status that an error came with; 0 where it came with none. @param {unknown} error */
export const statusOf = (error) => (error instanceof Problem ? error.status : 0);

/**
 * Asks and reads JSON. A state change carries the header without which it is refused.
 * @param {string} path
 * @param {{method?: string, body?: unknown}} options
 */
export async function request(path, { method = "GET", body } = {}) {
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Requested-With"] = "token-refresh";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const text = body === undefined ? undefined : JSON.stringify(body);
  const response = await fetch(path, { method, headers, body: text }).catch(() => null);
  if (!response) throw new Problem(0, "No connection", "The admin process does not answer.");
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) signedOut();
  throw new Problem(response.status, answer.title ?? `HTTP ${response.status}`, answer.detail);
}

/** Says that the session has ended, with the way back to this very view. */
export function signedOut() {
  if (document.getElementById("signed-out")) return;
  const next = encodeURIComponent(location.pathname + location.search);
  find("main").before(
    h(
      "p",
      { id: "signed-out", class: "banner bad", role: "alert" },
      "✕ Your session has ended. ",
      h("a", { href: `/sign-in?next=${next}` }, "Sign in again"),
    ),
  );
}

/** A query's text; what is empty is left out. @param {Query} values */
export function query(values) {
  const pairs = Object.entries(values).flatMap(([name, value]) =>
    value === undefined || value === null || value === "" ? [] : [[name, String(value)]],
  );
  const text = new URLSearchParams(pairs).toString();
  return text && `?${text}`;
}

/**
 * The newest entries of one environment (or both, where it is empty), and how far they can be trusted.
 * @param {string | undefined} env
 * @param {number} limit
 * @param {Query} filters
 * @returns {Promise<Page>}
 */
export const getAdminTokenTerminalLogs = (env, limit, filters = {}) =>
  request(`${TOKENS}/terminal-logs${query({ ...filters, env, limit })}`);

/** @param {Filters} filters @param {string} [after] */
export const streamAddress = (filters, after) =>
  `${TOKENS}/terminal-logs/stream${query({ ...filters, after })}`;
/** @param {Filters} filters */
export const downloadAddress = (filters) => `${TOKENS}/terminal-logs/download${query(filters)}`;

/** @returns {Promise<Workers>} */
export const getWorkers = () => request("/api/admin/workers");
/** @returns {Promise<Summary>} */
export const getSummary = () => request(`${TOKENS}/summary`);
/** @param {string} past @returns {Promise<Series>} */
export const getSeries = (past) => request(`${TOKENS}/series${query({ past })}`);
/** @param {Query} filters @returns {Promise<{accounts: Account[], next_after: string | null}>} */
export const getAccounts = (filters) => request(`${TOKENS}/status${query({ order: "urgency", ...filters })}`);
/** @param {string} account @returns {Promise<Record<string, unknown>>} */
export const inspect = (account) => request(`${TOKENS}/${account}/inspect`);
/** @param {string} account @param {string} action @returns {Promise<{in_flight?: string}>} */
export const act = (account, action) => request(`${TOKENS}/${account}/${action}`, { method: "POST" });
/** @param {string} account @returns {Promise<Accepted>} */
export const pressDebug = (account) =>
  request("/api/admin/ebay/token/refresh-debug", { method: "POST", body: { account } });
/** @param {string} account @param {string} attempt @returns {Promise<Entry | UnderWay>} */
export const getAttempt = (account, attempt) => request(`${TOKENS}/${account}/attempts/${attempt}`);
/** @param {string} queue @returns {Promise<{letters: DeadLetter[], more: boolean}>} */
export const getDeadLetters = (queue) => request(`/api/admin/dead-letters/${queue}?limit=50`);
/** @param {string} queue @param {string} fate @param {unknown} what @returns {Promise<{letters: number}>} */
export const settleDeadLetters = (queue, fate, what) =>
  request(`/api/admin/dead-letters/${queue}/${fate}`, { method: "POST", body: what });
