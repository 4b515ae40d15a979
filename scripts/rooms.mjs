/** The rooms of the house: the folders of package.json's workspaces, each with its manifest. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

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
