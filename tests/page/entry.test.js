import assert from "node:assert/strict";
import { test } from "node:test";

import { entry, exchange } from "./stage.js";

const { fields, lines, toText } = await import("../../src/admin/page/assets/entry_text.js");
const { mayOperate, toneOf, words } = await import("../../src/admin/page/assets/session.js");

test("an entry's text has what one needs, and no line that is empty of it", () => {
  const request = exchange();
  const shown = lines(entry({ request, timings_ms: { total: 9, unheard: 1, claim: 2, queued: 3 } }), 4);
  assert.ok(shown[0].startsWith("#4 ─"));
  assert.ok(shown.includes("source:    scheduled"));
  assert.ok(shown.includes("account:   mil_243 · production · House"));
  assert.ok(shown.includes("timings:   queued 3 ms · claim 2 ms · total 9 ms · unheard 1 ms"));
  assert.ok(shown.includes("  grant_type: refresh_token"));
  assert.ok(shown.includes("response:  null"));
  assert.ok(!shown.some((line) => line.startsWith("error:") || line.startsWith("by:")));
  assert.equal(toText(entry(), 1).split("\n").at(-1), "");
});

test("foreign text cannot begin a line of its own", () => {
  const shown = lines(entry({ error: "one\nsource:    forged" }));
  assert.equal(shown.filter((line) => line.startsWith("source:")).length, 1);
});

test("who pressed is told by name", () => {
  const by = (/** @type {string | null} */ id) =>
    Object.fromEntries(fields(entry({ triggered_by: id })))["by"];
  assert.deepEqual(
    [by("user-1"), by("user-2"), by("cli:eve"), by(null)],
    ["ada (you)", "bob", "cli:eve", undefined],
  );
});

test("the next step is the server's, of the reason where there is one", () => {
  const step = (/** @type {Partial<Entry>} */ of) => Object.fromEntries(fields(entry(of)))["next step"];
  assert.equal(step({ class: "refreshed" }), undefined);
  assert.equal(step({ class: "grant_invalid" }), "Ask the seller to connect again.");
  assert.equal(step({ class: "not_run", reason: "paused" }), words.not_run["paused"]);
  assert.equal(
    step({ class: "network", reason: "paused" }),
    words.classes.find((one) => one.name === "network")?.next_step,
  );
});

test("a class that the page does not know is none to be calm about", () => {
  assert.deepEqual(
    [toneOf("refreshed"), toneOf("network"), toneOf("grant_invalid"), toneOf("of_tomorrow")],
    ["ok", "warn", "bad", "warn"],
  );
});

test("the user may operate where the server says so", () => {
  assert.deepEqual([mayOperate("org-1"), mayOperate("org-2")], [true, false]);
});
