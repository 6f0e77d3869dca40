import assert from "node:assert/strict";
import { test } from "node:test";

import { GUESS, Rows, corrects } from "../../src/admin/page/assets/rows.js";
import { entry } from "./stage.js";

/** An entry of an instant. @param {number} at */
const of = (at) => entry({ id: `id-${at}`, cursor: `${1_000_000 + at}-00` });
/** @param {Rows} rows */
const ids = (rows) => rows.all.map((row) => row.entry.id);

test("entries lie by time, each once, however they come", () => {
  const rows = new Rows();
  rows.add([of(5), of(4)]);
  rows.add([of(9)], true);
  rows.add([of(7), of(9)]);
  rows.add([of(2), of(1)]);
  assert.deepEqual(ids(rows), ["id-1", "id-2", "id-4", "id-5", "id-7", "id-9"]);
  assert.equal(rows.at(0).entry.id, "id-9");
  assert.equal(rows.place("id-1"), 6);
  assert.deepEqual([rows.at(0).arriving, rows.at(1).arriving], [true, false]);
  rows.add([]);
  assert.equal(rows.height, 6 * GUESS);
});

test("what is looked at is drawn, and what lies above and below is room", () => {
  const rows = new Rows();
  rows.add(Array.from({ length: 100 }, (_, at) => of(at)));
  assert.deepEqual(rows.between(-500, 500), { first: 0, end: 2, top: 0, bottom: 2 * GUESS });
  const { first, end, top, bottom } = rows.between(10 * GUESS, 12 * GUESS);
  assert.deepEqual([first, end, top, bottom], [9, 12, 9 * GUESS, 12 * GUESS]);
  assert.equal(rows.between(1e9, 2e9).first, 100);
});

test("measured heights count, and are news once", () => {
  const rows = new Rows();
  rows.add([of(1), of(2)]);
  assert.equal(rows.measure("id-2", 40), true);
  assert.equal(rows.measure("id-2", 40), false);
  assert.equal(rows.measure("nobody", 40), false);
  assert.equal(rows.height, GUESS + 40);
  assert.equal(rows.between(45, 50).first, 1);
});

test("the oldest are forgotten with their height", () => {
  const rows = new Rows();
  rows.add([of(1), of(2), of(3)]);
  rows.measure("id-1", 10);
  assert.equal(rows.trim(3), false);
  assert.equal(rows.trim(1), true);
  assert.deepEqual(ids(rows), ["id-3"]);
  assert.equal(rows.height, GUESS);
  rows.add([of(1)]);
  assert.deepEqual(ids(rows), ["id-1", "id-3"]);
});

test("a stored entry takes the place of one that is not what is stored", () => {
  const rows = new Rows();
  const stored = { ...of(3), position: 7 };
  const forged = { ...of(3), cursor: "1000009-00", account: "nobody" };
  assert.deepEqual(rows.add([of(1), of(5), forged]), []);
  rows.measure("id-3", 40);
  assert.deepEqual(rows.add([{ ...forged, account: "somebody" }]), [], "what is not stored corrects nothing");
  assert.deepEqual(rows.add([stored, { ...of(5), position: 8 }]), ["id-3"]);
  assert.deepEqual(ids(rows), ["id-1", "id-3", "id-5"]);
  assert.deepEqual(rows.at(1).entry, stored);
  assert.equal(rows.height, 3 * GUESS);
  assert.deepEqual(rows.add([forged]), [], "what is stored stays");
  assert.equal(corrects(stored, of(3)), false);

  const together = new Rows();
  assert.deepEqual(together.add([of(1), forged, stored]), ["id-3"]);
  assert.deepEqual(ids(together), ["id-1", "id-3"]);
  assert.equal(together.height, 2 * GUESS);
});
