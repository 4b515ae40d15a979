/**
 * Holds the rooms to their plan:
 *
 * house.1  A room's sources import only the rooms that its arrows name, and no file that is for tests; its tests may import more, never the
 *          sources of a room by path.
 * house.2  A package lists what its sources import, all of it and nothing else; of a room whose whole entry it imports, the optional
 *          peers, too.
 * house.3  No file of code has more than 400 lines, and no function of a source more than 60, from the line that it begins on to that of
 *          its end. Tests, which list cases, may have longer functions.
 *
 * Part of `npm run arrows`. Prints every breach, and ends with 1 when there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { functionsIn } from "./functions.mjs";
import { report } from "./report-breaches.mjs";
import { repositoryFiles } from "./repository-files.mjs";
import { ARROWS, FOR_TESTS, rooms, SCOPE } from "./rooms.mjs";

/** What a package loads in a way that the search below does not see. */
const USED_OTHERWISE = {
  profiler: ["ml-random-forest"],
};

const FILE_LINES = 400;
const FUNCTION_LINES = 60;

const SPECIFIER =
  /(?:^|[;\s])(?:import|export)\s[^;"']*?from\s*"([^"]+)"|(?:^|[^.\w])(?:import|require)\(\s*"([^"]+)"\s*\)|(?:^|\n)import\s*"([^"]+)"/g;

const peersOf = new Map(rooms().map(({ manifest }) => [manifest.name, Object.keys(manifest.peerDependenciesMeta ?? {})]));
const breaches = [];

for (const { folder, manifest } of rooms()) {
  const room = manifest.name.slice(SCOPE.length);
  const allowed = ARROWS[room];
  if (!allowed) {
    breaches.push(`${folder}: the room ${room} has no arrows`);
    continue;
  }
  const used = new Set(USED_OTHERWISE[room] ?? []);
  for (const file of sourcesOf(join(folder, "src"))) {
    const isTest = FOR_TESTS.test(file);
    for (const specifier of importsOf(readFileSync(file, "utf8"))) {
      if (specifier.startsWith(".")) {
        const target = relative(folder, join(file, "..", specifier));
        if (target.startsWith("..")) breaches.push(`${file}: ${specifier} leaves its room`);
        if (!isTest && FOR_TESTS.test(target)) breaches.push(`${file}: a source imports ${specifier} (house.1)`);
        continue;
      }
      const name = packageOf(specifier);
      if ((isTest && !manifest.private) || specifier.startsWith("node:") || builtinModules.includes(specifier)) continue;
      used.add(name);
      if (specifier === name) for (const peer of peersOf.get(name) ?? []) used.add(peer);
      if (!name.startsWith(SCOPE)) continue;
      const target = name.slice(SCOPE.length);
      if (!allowed.includes("*") && !allowed.includes(target)) breaches.push(`${file}: ${room} may not import ${target} (house.1)`);
    }
  }
  const listed = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies, ...manifest.peerDependencies });
  for (const name of used)
    if (!listed.includes(name) && name !== manifest.name) breaches.push(`${folder}: imports ${name} and does not list it (house.2)`);
  for (const name of listed) if (!used.has(name)) breaches.push(`${folder}: lists ${name} and does not import it (house.2)`);
}

breaches.push(...longFiles(), ...longFunctions());

report(breaches, `${rooms().length} rooms keep their arrows`);

function* longFiles() {
  for (const file of repositoryFiles(/\.(ts|mjs|cjs|js|py|sh)$/)) {
    const lines = readFileSync(file, "utf8").trimEnd().split("\n").length;
    if (lines > FILE_LINES) yield `${file} has ${lines} lines (house.3)`;
  }
}

function* longFunctions() {
  const folders = rooms().map(({ folder }) => folder);
  for (const { file, line, lines } of functionsIn(folders, (path) => !FOR_TESTS.test(path)))
    if (lines > FUNCTION_LINES) yield `${file}:${line}: a function of ${lines} lines (house.3)`;
}

function sourcesOf(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}

function importsOf(text) {
  return [...text.matchAll(SPECIFIER)].map((match) => match[1] ?? match[2] ?? match[3]);
}

function packageOf(specifier) {
  const parts = specifier.split("/");
  return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}
