/**
 * The test files of the house, and how each is to be run. Its source says so, in a comment line of its own:
 *
 *     // runs alone: it measures CPU time          nothing else is tested meanwhile
 *     // runs early: it takes a minute             it begins before others, so that the end does not wait for it
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { rooms } from "./rooms.mjs";

const ALONE = /^\/\/ runs alone: \S/m;
const EARLY = /^\/\/ runs early: \S/m;
/** As the test kit has them: for an engine, and for a size that can be chosen. */
const ENGINE = /\b(?:findEngine|openStand)\(/;
const CHOSEN_SIZE = /\bcasesOf\(/;

/** `{path, room, isAlone, isEarly, needsEngine, isSoakable}` of each compiled test, ordered by path. */
export function testFiles() {
  return rooms()
    .flatMap(({ folder }) => compiledTests(folder).map((path) => describe(folder, path)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function compiledTests(folder) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) return [];
  return readdirSync(dist, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const sourceOf = (path) => path.replace(`${sep}dist${sep}`, `${sep}src${sep}`).replace(/\.js$/, ".ts");

function describe(room, path) {
  const text = readFileSync(sourceOf(path), "utf8");
  return {
    ...{ path, room, isAlone: ALONE.test(text), isEarly: EARLY.test(text) },
    ...{ needsEngine: ENGINE.test(text), isSoakable: CHOSEN_SIZE.test(text) },
  };
}
