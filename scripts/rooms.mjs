/** The rooms of the house: the folders of package.json's workspaces, each with its manifest, and which each may import. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const SCOPE = "@openwhisk-harvest/";

/** Files that only tests load, and no package holds: `x.test.ts`, `x.kit.ts` with what one room's tests need, `x.contract.ts`. */
export const FOR_TESTS = /\.(test|kit|contract)\./;

/** The rooms that each room's sources may import. "*" is every room. */
export const ARROWS = {
  core: [],
  stores: ["core"],
  cgroup: ["core"],
  placement: ["core"],
  bus: ["core", "stores", "placement"],
  profiler: ["core", "stores"],
  sidecar: ["core", "stores"],
  "composer-plugin": ["core", "stores"],
  applier: ["core", "cgroup"],
  testkit: ["core", "stores", "cgroup"],
  docker: ["core", "stores", "cgroup", "applier"],
  standalone: ["core", "stores", "cgroup", "placement", "applier"],
  laptop: ["core", "stores", "profiler", "sidecar", "composer-plugin", "standalone"],
  cli: ["core", "stores", "profiler", "sidecar", "composer-plugin", "bus", "laptop"],
  test: ["*"],
  bench: ["*"],
};

/** Every workspace as `{folder, manifest}`, in the order of package.json. */
export function rooms() {
  return readManifest(".")
    .workspaces.flatMap((one) => (one.endsWith("/*") ? foldersIn(one.slice(0, -2)) : [one]))
    .map((folder) => ({ folder, manifest: readManifest(folder) }));
}

/** What is left of a removed room, such as its build, is no room. */
function foldersIn(parent) {
  return readdirSync(parent)
    .map((name) => join(parent, name))
    .filter((folder) => existsSync(join(folder, "package.json")));
}

function readManifest(folder) {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}
