// @ts-check
// The processes: who runs, and who differs from the others.

import { badge, foreign, h, when } from "./dom.js";
import { n, row, table } from "./tables.js";

/** @param {string} text @param {boolean} odd */
const usual = (text, odd) =>
  odd ? h("span", {}, foreign(text), " ", badge("warn", "differs")) : foreign(text);

/** @param {Instance[]} all @param {string} now */
export const instancesTable = (all, now) =>
  table(
    ["Role", "State", "Version", "Commit", "Keys", "#In flight", "Last seen", "Instance"],
    all.map((one) =>
      row(
        one.role,
        badge(one.state.tone, one.state.text),
        usual(one.version, one.odd_version),
        foreign(one.commit.slice(0, 10)),
        usual(one.key_ids.join(", "), one.odd_keys),
        n(one.in_flight),
        when(one.last_seen_at, now),
        h("span", { class: "muted" }, foreign(one.id)),
      ),
    ),
    "No process was heard of within the hour. Start `token-refresh all`, or one process per role.",
  );
