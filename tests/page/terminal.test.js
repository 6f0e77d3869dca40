import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { entry } from "./stage.js";

const { Arrivals } = await import("../../src/admin/page/assets/arrivals.js");
const { Past } = await import("../../src/admin/page/assets/past.js");
const { Problem } = await import("../../src/admin/page/assets/api.js");
const { corrections, foot, pill, waits } = await import("../../src/admin/page/assets/terminal_words.js");
const { whyEmpty, wordsOf } = await import("../../src/admin/page/assets/empty.js");

test("what arrives waits, each once, until it is taken", () => {
  const arrivals = new Arrivals(3);
  arrivals.keep([entry({ id: "a" }), entry({ id: "b" })]);
  arrivals.keep([entry({ id: "b" })]);
  assert.equal(waits(arrivals, false), "2 wait while you read");
  assert.deepEqual(
    arrivals.take()?.map((one) => one.id),
    ["a", "b"],
  );
  assert.equal(arrivals.any, false);
  assert.equal(waits(arrivals, true), "");
});

test("of what waits under one id the stored one is taken", () => {
  const arrivals = new Arrivals(3);
  const stored = entry({ id: "a", position: 4 });
  const forged = entry({ id: "a", account: "nobody" });
  arrivals.keep([forged]);
  arrivals.keep([stored]);
  arrivals.keep([forged]);
  assert.deepEqual(arrivals.take(), [stored]);
  assert.equal(corrections(0), "");
  assert.match(corrections(1), /^1 entry was shown that is not what is stored/);
});

test("of too many nothing is kept but that there were more", () => {
  const arrivals = new Arrivals(1);
  arrivals.keep([entry({ id: "a" }), entry({ id: "b" })]);
  arrivals.keep([entry({ id: "c" })]);
  assert.equal(arrivals.any, true);
  assert.equal(waits(arrivals, true), "more than 1 wait");
  assert.equal(arrivals.take(), null);
  assert.deepEqual(arrivals.take(), []);
});

/** @param {Partial<Page>} page @returns {any} */
const answer = (page) => ({ entries: [], next_before: null, searched_to: null, health: {}, ...page });

test("the past is read page by page to its end", async () => {
  /** @type {(string | null)[]} */
  const asked = [];
  const pages = [answer({ next_before: "x", searched_to: "then" }), answer({})];
  const read = mock.fn();
  const past = new Past(async (before) => (asked.push(before), pages.shift()), {
    page: read,
    changed: () => {},
  });
  assert.equal(past.more, true);
  await Promise.all([past.read(), past.read()]);
  assert.deepEqual([past.begun, past.next, past.searchedTo], [true, "x", "then"]);
  await past.read();
  await past.read();
  assert.deepEqual(asked, [null, "x"]);
  assert.deepEqual([read.mock.callCount(), past.more], [2, false]);
  past.goOnFrom(entry({ cursor: "7-7" }));
  assert.deepEqual([past.more, past.next], [true, "7-7"]);
});

test("a past that cannot be read is asked for again, unless that is no use", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  let problem = new Problem(503, "Away");
  const ask = mock.fn(async () => {
    if (problem) throw problem;
    return answer({});
  });
  const told = { page: () => {}, changed: () => {} };
  const past = new Past(ask, told);
  await past.read();
  assert.deepEqual([past.problem, past.begun], [problem, false]);
  problem = /** @type {any} */ (null);
  context.mock.timers.tick(2000);
  await new Promise(setImmediate);
  assert.deepEqual([past.problem, past.begun, ask.mock.callCount()], [null, true, 2]);

  problem = new Problem(404, "No such account");
  const refused = new Past(ask, told);
  await refused.read();
  context.mock.timers.tick(10_000);
  assert.equal(ask.mock.callCount(), 3);
});

test("what is closed is told nothing any more", async () => {
  const page = mock.fn();
  const past = new Past(async () => answer({}), { page, changed: () => {} });
  const reading = past.read();
  past.close();
  await reading;
  assert.equal(page.mock.callCount(), 0);
});

test("the pill says how long there is no connection, and that the view is paused", () => {
  const state = { name: "reconnecting", why: "", since: 0 };
  assert.deepEqual(pill(state, false, 5000), ["bad", "Not connected: reconnecting for 5 s"]);
  assert.deepEqual(pill(state, true, 5000), ["off", "Paused"]);
  assert.deepEqual(pill({ ...state, name: "refused", why: "no" }, false, 0), ["bad", "Refused: no"]);
});

test("the foot says whether there is more", () => {
  const past = { reading: false, next: null, searchedTo: null };
  assert.equal(foot(past, 0), "");
  assert.equal(foot(past, 3), "the beginning: there is nothing older");
  assert.equal(foot({ ...past, next: "x" }, 3), "scroll for older entries");
  assert.equal(
    foot({ reading: true, next: "x", searchedTo: "2026-11-23T16:30:01Z" }, 0),
    "reading older entries, back to 2026-11-23 16:30 UTC so far …",
  );
});

test("an empty screen says why", () => {
  const view = { state: "live", problem: null, reading: false, member: true, filtered: false };
  const cases = /** @type {[string, Partial<typeof view> & {problem?: unknown}][]} */ ([
    ["none", {}],
    ["matches", { filtered: true }],
    ["rights", { member: false, filtered: true }],
    ["reading", { reading: true, member: false }],
    ["away", { problem: new Problem(503, "Away"), reading: true }],
    ["away", { state: "reconnecting" }],
    ["refused", { problem: new Problem(404, "No such account") }],
    ["signed-out", { state: "signed-out", problem: new Problem(401, "Sign in") }],
  ]);
  for (const [reason, other] of cases) assert.equal(whyEmpty({ ...view, ...other }), reason);
});

test("why is told in words, the server's where it has some", () => {
  const known = { problem: null, why: "", warning: undefined, none: "Nothing yet." };
  const refused = { ...known, problem: new Problem(404, "No such account", "There is none.") };
  assert.deepEqual(wordsOf("refused", refused), ["No such account", "There is none."]);
  assert.match(wordsOf("none", known)[1], /^Nothing yet\. The first/);
  assert.match(wordsOf("none", { ...known, warning: "no worker is live" })[1], /no worker is live/);
  for (const reason of ["reading", "away", "signed-out", "rights", "matches"])
    assert.equal(wordsOf(reason, known).length, 2);
});
