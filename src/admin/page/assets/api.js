// The API, as this page uses it.

import { h } from "./dom.js";

const TOKENS = "/api/admin/ebay/tokens";

/** An answer that is not what was asked for; `status` 0 where there was no answer. */
export class Problem extends Error {
  constructor(status, title, detail, document = {}) {
    super(detail || title);
    Object.assign(this, { status, title, document });
  }
}

/** Asks and reads JSON. A state change carries the header without which it is refused. */
export async function request(path, { method = "GET", body, signal } = {}) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-Requested-With"] = "token-refresh";
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "No connection", "The admin process does not answer.");
  }
  const answer = await response.json().catch(() => ({}));
  if (response.ok) return answer;
  if (response.status === 401) signedOut();
  throw new Problem(response.status, answer.title ?? `HTTP ${response.status}`, answer.detail, answer);
}

/** Says that the session has ended, with the way back to this very view. */
export function signedOut() {
  if (document.getElementById("signed-out")) return;
  const next = encodeURIComponent(location.pathname + location.search);
  document
    .querySelector("main")
    .before(
      h(
        "p",
        { id: "signed-out", class: "banner bad", role: "alert" },
        "✕ Your session has ended. ",
        h("a", { href: `/sign-in?next=${next}` }, "Sign in again"),
      ),
    );
}

/** A query's text; what is empty is left out. */
export function query(values) {
  const pairs = Object.entries(values).filter(
    ([, value]) => value !== undefined && value !== null && value !== "",
  );
  const text = new URLSearchParams(pairs).toString();
  return text && `?${text}`;
}

/** The newest entries of one environment (or both, where it is empty), and how far they can be trusted. */
export function getAdminTokenTerminalLogs(env, limit, filters = {}, options = {}) {
  return request(`${TOKENS}/terminal-logs${query({ ...filters, env, limit })}`, options);
}

export const streamAddress = (filters, after) =>
  `${TOKENS}/terminal-logs/stream${query({ ...filters, after })}`;
export const downloadAddress = (filters) => `${TOKENS}/terminal-logs/download${query(filters)}`;

export const getWorkers = () => request("/api/admin/workers");
export const getSummary = () => request(`${TOKENS}/summary`);
export const getSeries = (past) => request(`${TOKENS}/series${query({ past })}`);
export const getAccounts = (filters) => request(`${TOKENS}/status${query({ order: "urgency", ...filters })}`);
export const inspect = (account) => request(`${TOKENS}/${account}/inspect`);
export const act = (account, action) => request(`${TOKENS}/${account}/${action}`, { method: "POST" });
export const pressDebug = (account) =>
  request("/api/admin/ebay/token/refresh-debug", { method: "POST", body: { account } });
export const getAttempt = (account, attempt) => request(`${TOKENS}/${account}/attempts/${attempt}`);
export const getDeadLetters = (queue) => request(`/api/admin/dead-letters/${queue}?limit=50`);
export const settleDeadLetters = (queue, fate, what) =>
  request(`/api/admin/dead-letters/${queue}/${fate}`, { method: "POST", body: what });
