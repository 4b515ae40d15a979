/**
 * The test files of the house, and how each is to be run. Its source says so, in a comment line of its own:
 *
 *     // runs alone: it measures CPU time          nothing else is tested meanwhile
 *     // runs early: it takes a minute             it begins before others, so that the end does not wait for it
 *     // runs in CI: it is minutes of load         elsewhere only when it is named
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, sep } from "node:path";
import { rooms } from "./rooms.mjs";

const ALONE = /^\/\/ runs alone: \S/m;
const EARLY = /^\/\/ runs early: \S/m;
const IN_CI = /^\/\/ runs in CI: \S/m;
/** As the test kit has them: for an engine, and for a size that can be chosen. */
const ENGINE = /\b(?:findEngine|openStand)\(/;
const CHOSEN_SIZE = /\bcasesOf\(/;

/**
 * `{path, room, isAlone, isEarly, isForCi, needsEngine, isSoakable}` of each test, ordered by path. They are found by their sources, so what the
 * compiler has made of a test that is gone is none. Throws when one is not compiled.
 */
export function testFiles() {
  return rooms()
    .flatMap(({ folder }) => sourcesOfTests(folder).map((source) => describe(folder, source)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function sourcesOfTests(folder) {
  return readdirSync(join(folder, "src"), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const compiledOf = (source) => source.replace(`${sep}src${sep}`, `${sep}dist${sep}`).replace(/\.ts$/, ".js");

function describe(room, source) {
  const path = compiledOf(source);
  if (!existsSync(path)) throw new Error(`${source} is not compiled: run npm run build`);
  const text = readFileSync(source, "utf8");
  return {
    ...{ path, room, isAlone: ALONE.test(text), isEarly: EARLY.test(text), isForCi: IN_CI.test(text) },
    ...{ needsEngine: ENGINE.test(text), isSoakable: CHOSEN_SIZE.test(text) },
  };
}
