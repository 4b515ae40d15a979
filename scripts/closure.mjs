/**
 * The production closure of a room: the packages that it needs to run, and no others, found in package-lock.json as Node.js finds them.
 *
 *   node scripts/closure.mjs <room>                   one line per package
 *   node scripts/closure.mjs <room> --json            [{name, path, version}]
 *   node scripts/closure.mjs <room> --copy <folder>   the packages themselves, laid out as here: what an image carries (after a build)
 *   ... --without <package>                           leaves out an optional dependency of the room, and what only that needs
 *
 * closure.1  Optional dependencies that are made for another platform are left out; optional peers count where a package lists them itself.
 * closure.2  A copied room consists of the files that `npm pack` would take, so no image carries tests, sources or development packages.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { parseArgs } from "node:util";
import { packed } from "./packed.mjs";

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const isGlibc = process.report.getReport().header.glibcVersionRuntime !== undefined;

/** The packages that the room in this folder needs, itself first: `{name, path, version, isRoom}`, ordered by path. */
export function closureOf(room, without = []) {
  if (packages[room] === undefined || room === "") throw new Error(`${room} is no folder of a room`);
  const found = new Set();
  const open = [room];
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    if (found.has(path)) continue;
    found.add(path);
    for (const { name, isOptional } of needsOf(packages[path])) {
      if (without.includes(name)) continue;
      const needed = resolve(path, name);
      if (needed !== undefined && isMadeForHere(packages[needed])) open.push(needed);
      else if (!isOptional) throw new Error(`${path} needs ${name}, which is not in package-lock.json`);
    }
  }
  return [...found].map(describe).sort((a, b) => Number(b.path === room) - Number(a.path === room) || (a.path < b.path ? -1 : 1));
}

function needsOf({ dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} }) {
  return [
    ...Object.keys(dependencies).map((name) => ({ name, isOptional: name in optionalDependencies })),
    ...Object.keys(optionalDependencies).map((name) => ({ name, isOptional: true })),
    ...Object.keys(peerDependencies)
      .filter((name) => !peerDependenciesMeta[name]?.optional)
      .map((name) => ({ name, isOptional: false })),
  ];
}

/** The nearest node_modules folder above that has it; a room is there as a link to its folder. */
function resolve(from, name) {
  for (let folder = from; ; folder = folder.includes("/") ? dirname(folder) : "") {
    const path = folder === "" ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    const entry = folder.endsWith("node_modules") ? undefined : packages[path];
    if (entry) return entry.link ? entry.resolved : path;
    if (folder === "") return undefined;
  }
}

/** closure.1 */
function isMadeForHere({ os, cpu, libc }) {
  const allows = (list, value) =>
    list === undefined || (list.some((one) => one.startsWith("!")) ? !list.includes(`!${value}`) : list.includes(value));
  return allows(os, process.platform) && allows(cpu, process.arch) && allows(libc, isGlibc ? "glibc" : "musl");
}

function describe(path) {
  const { name, version } = packages[path];
  const isRoom = !path.includes("node_modules/");
  return { name: isRoom ? name : path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length), path, version, isRoom };
}

/** closure.2 */
function copy(closure, target) {
  const rooms = closure.filter(({ isRoom }) => isRoom);
  const files = new Map(packed(rooms.map(({ name }) => name)).map((one) => [one.name, one.files.map(({ path }) => path)]));
  for (const { name, path, isRoom } of closure) {
    if (!isRoom) {
      cpSync(path, join(target, path), { recursive: true, filter: (file) => !relative(path, file).split("/").includes("node_modules") });
      continue;
    }
    for (const file of files.get(name)) cpSync(join(path, file), join(target, path, file), { recursive: true });
    const link = join(target, "node_modules", name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(relative(dirname(link), join(target, path)), link);
  }
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean" }, copy: { type: "string" }, without: { type: "string", multiple: true, default: [] } },
  });
  const closure = closureOf(positionals[0] ?? "", values.without);
  if (values.copy !== undefined) {
    if (existsSync(values.copy)) throw new Error(`${values.copy} is there already`);
    copy(closure, values.copy);
    console.log(`ok: ${closure.length} packages in ${values.copy}`);
  } else if (values.json) console.log(JSON.stringify(closure.map(({ name, path, version }) => ({ name, path, version }))));
  else for (const { name, version } of closure) console.log(`${name} ${version}`);
}
