/**
 * Holds the rooms to their plan:
 *
 * house.1  A room's sources import only the rooms that its arrows name, and no file that is for tests; its tests may import more, never the
 *          sources of a room by path.
 * house.2  A package lists what its sources import, all of it and nothing else; of a room whose whole entry it imports, the optional
 *          peers, too.
 *
 * Part of `npm run arrows`. Prints every breach, and ends with 1 when there is one.
 */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, relative } from "node:path";
import { report } from "./report-breaches.mjs";
import { ARROWS, FOR_TESTS, rooms, SCOPE } from "./rooms.mjs";

/** What a package loads in a way that the search below does not see. */
const USED_OTHERWISE = {
  profiler: ["ml-random-forest"],
};

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

report(breaches, `${rooms().length} rooms keep their arrows`);

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
