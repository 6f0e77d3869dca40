// What a page has when its modules load: the server's words, and a user who may see two orgs.
//
// Imported first: a module reads them as it loads.

import { readFileSync } from "node:fs";

const words = JSON.parse(readFileSync(new URL("words.json", import.meta.url), "utf8"));
const session = {
  id: "user-1",
  name: "ada",
  platform_admin: false,
  member: true,
  orgs: { "org-1": "House" },
  users: { "user-2": "bob" },
  operates: ["org-1"],
  words,
};
/** @type {any} */ (globalThis).document = { body: { dataset: { session: JSON.stringify(session) } } };

/**
 * An entry, as far as it is not said otherwise.
 * @param {Partial<Entry>} other
 * @returns {Entry}
 */
export const entry = (other = {}) => ({
  id: "id-1",
  cursor: "1000-01",
  created_at: "2026-11-23T16:30:01.123456Z",
  org_id: "org-1",
  account_id: "account-1",
  account: "mil_243",
  house_name: null,
  environment: "production",
  action: "token_refreshed",
  source: "scheduled",
  class: "refreshed",
  reason: null,
  sent: "yes",
  request: null,
  response: null,
  error: null,
  timings_ms: {},
  attempt: 1,
  instance: "worker-1",
  version: "1.0.0",
  triggered_by: null,
  ...other,
});

/** A request that was sent. @returns {ExchangeRequest} */
export const exchange = () => ({
  method: "POST",
  url: "https://api.example/token",
  headers: { accept: "json", "content-type": "form" },
  body: { grant_type: "refresh_token", refresh_token: "v^1.1#i^…(1824 chars, fp 3fa92c1b)" },
});
