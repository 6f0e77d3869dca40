import assert from "node:assert/strict";
import { test } from "node:test";

import { entry, exchange } from "./stage.js";

const { align } = await import("../../src/admin/page/assets/align.js");
const { judgement } = await import("../../src/admin/page/assets/judgement.js");
const { lines } = await import("../../src/admin/page/assets/entry_text.js");

/** A value as another writer writes it: its keys in the opposite order. @param {any} value @returns {any} */
const turned = (value) =>
  value && typeof value === "object" && !Array.isArray(value)
    ? Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, inner]) => [key, turned(inner)]),
      )
    : value;

test("a live entry and a stored one with the same request agree, whatever the order of their keys", () => {
  const response = { status: 200, headers: { a: "1", b: "2" }, body: { x: 1, y: { p: 1, q: 2 } } };
  const live = entry({ request: exchange(), response });
  const stored = turned(live);
  assert.notEqual(JSON.stringify(live.request), JSON.stringify(stored.request));
  assert.deepEqual(judgement(live, stored), [
    "ok",
    "Both runs sent the same request, token fingerprint included.",
  ]);
  assert.ok(align(lines(live), lines(stored)).every((pair) => !pair.differs));
});

test("what differs is told by what it is", () => {
  const a = entry({ request: exchange() });
  const [tone] = judgement(a, entry({ account_id: "account-2", request: exchange() }));
  assert.equal(tone, "warn");
  assert.match(judgement(a, entry())[1], /had no request/);
  const other = exchange();
  other.body.refresh_token = "v^1.1#i^…(1824 chars, fp 00000000)";
  assert.match(judgement(a, entry({ request: other }))[1], /different refresh tokens/);
  const elsewhere = { ...exchange(), url: "https://api.example/other" };
  assert.deepEqual(judgement(a, entry({ request: elsewhere })), [
    "bad",
    "The two requests differ although the token is the same.",
  ]);
});

test("lines are aligned by what the two have in common", () => {
  const pairs = align(["a", "b", "c", "e"], ["a", "x", "y", "c", "d", "e"]);
  assert.deepEqual(
    pairs.map(({ left = "", right = "", differs }) => `${left}${differs ? "|" : "="}${right}`),
    ["a=a", "b|x", "|y", "c=c", "|d", "e=e"],
  );
  assert.deepEqual(align([], []), []);
});
