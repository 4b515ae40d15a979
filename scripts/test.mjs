/**
 * Runs every compiled test (`<room>/dist/**\/*.test.js`, a room being a workspace of package.json), one file after another: they measure CPU and start servers, and must
 * not disturb one another. Arguments narrow the run to the files whose path contains one of them.
 * Ends with the skipped tests and their reasons, and one plain line: N passed, N failed, N skipped.
 * With HARVEST_TEST_NO_SKIPS=1 a skipped test fails the run: CI has everything.
 *
 * HARVEST_SOAK=1 (`npm run soak`) runs the soak-capable tests only, and each of them whole: the files that ask the test kit's `casesOf` for
 * their size.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { rooms } from "./rooms.mjs";

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.js"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

const isSoak = process.env.HARVEST_SOAK === "1";
const wanted = process.argv.slice(2);
const files = rooms()
  .flatMap(({ folder }) => {
    try {
      return testFiles(join(folder, "dist"));
    } catch {
      return [];
    }
  })
  .filter((file) => !isSoak || readFileSync(file, "utf8").includes("casesOf("))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();

const skipped = [];
let passed = 0;
let failed = 0;
const isLeaf = (event) => event.details?.type !== "suite";

const stream = run({ files, concurrency: 1, timeout: isSoak ? 3_600_000 : 300_000 });
stream.on("test:pass", (event) => {
  if (!isLeaf(event)) return;
  if (event.skip !== undefined) skipped.push({ name: event.name, reason: String(event.skip) });
  else passed++;
});
stream.on("test:fail", (event) => {
  if (isLeaf(event)) failed++;
});
stream.compose(new spec()).pipe(process.stdout);
stream.on("end", () => {
  setImmediate(() => {
    if (files.length === 0) failed++;
    for (const { name, reason } of skipped) console.log(`skipped: ${name} (${reason})`);
    console.log(`${passed} passed, ${failed} failed, ${skipped.length} skipped`);
    const skipsFail = process.env.HARVEST_TEST_NO_SKIPS === "1" && skipped.length > 0;
    process.exitCode = failed > 0 || skipsFail ? 1 : 0;
  });
});
