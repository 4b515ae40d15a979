/** disk-watch.W1: an action that fills the disk is ended, and its container's files are gone. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Neighbours, startNeighbours } from "./neighbours.kit.js";

/** Slowly, so that there is a look in between: 1 MB each 2 ms. */
const NAMED = `async function main() {
  const { writeFileSync } = require('fs');
  for (let i = 0; i < 3000; i++) { writeFileSync(process.env.HOME + '/' + i, Buffer.alloc(1 << 20, 1)); await new Promise((r) => setTimeout(r, 2)); }
  return { written: true } }`;
const UNNAMED = `async function main() {
  const { openSync, rmSync, writeSync } = require('fs');
  const fd = openSync('hidden', 'w'); rmSync('hidden');
  for (let i = 0; i < 3000; i++) { writeSync(fd, Buffer.alloc(1 << 20, 1)); await new Promise((r) => setTimeout(r, 2)); }
  return { written: true } }`;

let neighbours: Neighbours;
before(async () => {
  neighbours = await startNeighbours(["standalone.containerDiskMb=64"]);
});
after(() => neighbours.close());

for (const [what, code] of [
  ["files in its HOME", NAMED],
  ["a file without a name", UNNAMED],
] as const)
  test(`3 GB into ${what}`, async () => {
    const seen = await neighbours.attack({ code, limits: { timeout: 60_000 } });
    assert.deepEqual(seen, { error: "The action exhausted its disk space and was aborted." });
    await neighbours.assertUnharmed(seen);
  });
