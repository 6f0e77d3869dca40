// @ts-check
// What two entries have to do with each other: does the debug run do what the scheduled one does?

import { same } from "./json.js";

/** @param {Entry} entry */
const token = (entry) => entry.request?.body.refresh_token;

/** In a sentence. @param {Entry} a @param {Entry} b @returns {[Tone, string]} */
export function judgement(a, b) {
  if (a.account_id !== b.account_id) return ["warn", "These are runs of two different accounts."];
  if (!a.request || !b.request) return ["warn", "At least one of them had no request to compare."];
  if (same(a.request, b.request))
    return ["ok", "Both runs sent the same request, token fingerprint included."];
  if (token(a) !== token(b))
    return ["warn", "The two requests carry different refresh tokens: compare the fingerprints."];
  return ["bad", "The two requests differ although the token is the same."];
}
