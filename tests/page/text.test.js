import assert from "node:assert/strict";
import { test } from "node:test";

import "./stage.js";

const { ago, pieces, plain, plural, span, utc } = await import("../../src/admin/page/assets/text.js");

test("what would not show, or would turn the writing, stands as its code", () => {
  assert.equal(plain("a\u{1b}[2Jb\u{202e}c\u{200b}"), "a\\u{1b}[2Jb\\u{202e}c\\u{200b}");
  assert.equal(plain("\u{e0041}\u{ad}"), "\\u{e0041}\\u{ad}");
  assert.equal(plain("a\nb\tc"), "a\\u{a}b\\u{9}c");
  assert.equal(plain("a\nb\r\tc", true), "a\nb\\u{d}\tc");
});

test("half of a pair of surrogates is told, a whole pair is shown", () => {
  assert.equal(plain("😀 x"), "😀 x");
  assert.equal(plain("😀".slice(0, 1)), "\\u{d83d}");
});

test("foreign text is cut where something does not show", () => {
  assert.deepEqual(pieces("ab\u{7}c"), [
    { text: "ab", hidden: false },
    { text: "\\u{7}", hidden: true },
    { text: "c", hidden: false },
  ]);
  assert.deepEqual(pieces(""), []);
});

test("spans are told in the unit that people would use", () => {
  const told = [-5, 0.4, 89, 90, 5399, 5400, 172_799, 172_800].map(span);
  assert.deepEqual(told, ["0 s", "0 s", "89 s", "2 min", "90 min", "1 h 30 min", "48 h 0 min", "2 d"]);
});

test("instants are told from where one stands", () => {
  assert.equal(ago("2026-01-01T00:00:00Z", "2026-01-01T00:00:03Z"), "3 s ago");
  assert.equal(ago("2026-01-01T00:10:00Z", "2026-01-01T00:00:00Z"), "in 10 min");
  assert.equal(utc("2026-11-23T16:30:01.123456Z"), "2026-11-23 16:30:01.123 UTC");
  assert.equal(utc("never"), "never");
});

test("counts agree with their words", () => {
  assert.equal(plural(1, "entry", "entries"), "1 entry");
  assert.equal(plural(12_000, "account"), "12,000 accounts");
});
