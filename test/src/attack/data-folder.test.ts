/** private-folder.P1: an action, which runs as another user, reaches nothing of the data folder, whatever the umask of the server. */
import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { requirePrivate } from "@openwhisk-harvest/stores";
import { type Neighbours, startNeighbours } from "./neighbours.kit.js";

const READ = `function main({ paths }) {
  const { readFileSync, readdirSync } = require('fs');
  const tried = (work) => { try { return String(work()).length } catch (error) { return error.code } };
  return { uid: process.getuid(), seen: paths.map((path) => [tried(() => readFileSync(path)), tried(() => readdirSync(path))]) } }`;

let neighbours: Neighbours;
let umask: number;
before(async () => {
  umask = process.umask(0);
  neighbours = await startNeighbours();
});
after(async () => {
  await neighbours.close();
  process.umask(umask);
});

function pathsIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? [path, ...pathsIn(path)] : [path];
  });
}

test("no file and no folder of it can be read", { skip: process.getuid?.() === 0 ? false : "actions run as ourselves" }, async () => {
  const { dataDir } = neighbours.up.stack.config;
  const paths = [dataDir, ...pathsIn(dataDir)];
  assert.ok(paths.some((path) => path.endsWith("documents/data.mdb")));
  const seen = await neighbours.attack({ code: READ, params: { paths } });
  assert.notEqual(seen["uid"], 0);
  const errors = seen["seen"] as string[][];
  assert.equal(errors.length, paths.length);
  for (const error of errors.flat()) assert.match(error, /^(EACCES|ENOENT)$/); // where there are walls it is not even there (walls.W2)
  await neighbours.assertUnharmed(seen);
});

test("all of it is the owner's alone, not only what its folder hides", () => {
  const { dataDir } = neighbours.up.stack.config;
  requirePrivate(dataDir);
  for (const path of pathsIn(dataDir)) assert.equal(statSync(path).mode & 0o077, 0, path);
});
