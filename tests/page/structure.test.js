import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import ts from "typescript";

const FUNCTION_LINES_MAX = 70;
const FOLDER = new URL("../../src/admin/page/assets/", import.meta.url);

const scripts = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".js"))
  .map((name) => ({ name, text: readFileSync(new URL(name, FOLDER), "utf8") }));

test("every script is checked for its types, in an editor too", () => {
  const unchecked = scripts.filter(({ text }) => !text.startsWith("// @ts-check\n// "));
  assert.deepEqual(unchecked, []);
});

test("every function fits on a screen", () => {
  const long = scripts.flatMap(({ name, text }) => {
    const file = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022);
    const line = (/** @type {number} */ at) => file.getLineAndCharacterOfPosition(at).line;
    /** @type {string[]} */
    const found = [];
    const visit = (/** @type {ts.Node} */ node) => {
      const from = line(node.getStart(file));
      if (ts.isFunctionLike(node) && line(node.end) - from >= FUNCTION_LINES_MAX)
        found.push(`${name}:${from + 1}`);
      ts.forEachChild(node, visit);
    };
    visit(file);
    return found;
  });
  assert.deepEqual(long, []);
});
