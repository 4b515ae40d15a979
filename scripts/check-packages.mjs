/**
 * Holds what `npm pack` puts into the packages that are not private:
 *
 * packages.1  A package has no test, kit or contract in it.
 * packages.2  A package is whole: every file that one of its files imports is in it.
 * packages.3  What its exports and bin name is in it, but for a contract, which only the tests of this repository import.
 *
 * Part of `npm run arrows`; needs the build. Prints every breach, and ends with 1 when there is one.
 */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { packed } from "./packed.mjs";
import { report } from "./report-breaches.mjs";
import { FOR_TESTS, rooms } from "./rooms.mjs";

const RELATIVE_IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

const published = rooms().filter(({ manifest }) => !manifest.private);
const folders = new Map(published.map(({ folder, manifest }) => [manifest.name, folder]));
const manifests = new Map(published.map(({ manifest }) => [manifest.name, manifest]));

const breaches = [];
for (const { name, files } of packed([...folders.keys()])) {
  const paths = new Set(files.map(({ path }) => path));
  if (![...paths].some((path) => path.startsWith("dist/"))) breaches.push(`${name}: it is not built: run npm run build`);
  for (const path of namedBy(manifests.get(name)))
    if (!paths.has(path) && !FOR_TESTS.test(path)) breaches.push(`${name}: its manifest names ${path}, which is not packed (packages.3)`);
  for (const path of paths) {
    if (FOR_TESTS.test(path)) breaches.push(`${name}: packs ${path} (packages.1)`);
    else if (path.startsWith("dist/") && path.endsWith(".js"))
      for (const target of relativeImports(folders.get(name), path))
        if (!paths.has(target)) breaches.push(`${name}: ${path} imports ${target}, which is not packed (packages.2)`);
  }
}
report(breaches, `${published.length} packages hold what they should`);

function namedBy({ exports = {}, bin = {} }) {
  const leaves = (value) => (typeof value === "string" ? [posix.normalize(value)] : Object.values(value ?? {}).flatMap(leaves));
  return new Set([...leaves(exports), ...leaves(bin)]);
}

function relativeImports(folder, path) {
  const text = readFileSync(join(folder, path), "utf8");
  return [...text.matchAll(RELATIVE_IMPORT)].map(([, specifier]) => posix.join(posix.dirname(path), specifier));
}
