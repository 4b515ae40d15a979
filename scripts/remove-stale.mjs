/** Removes from each room's dist/ what the compiler has made of sources that are gone: it would be tested, and packed. Part of the build. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { rooms } from "./rooms.mjs";

const TYPES = ".d.ts";

for (const { folder } of rooms()) {
  const dist = join(folder, "dist");
  if (!existsSync(dist)) continue;
  for (const entry of readdirSync(dist, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith(TYPES)) continue;
    const made = join(entry.parentPath ?? entry.path, entry.name).slice(0, -TYPES.length);
    if (existsSync(join(folder, "src", `${relative(dist, made)}.ts`))) continue;
    for (const ending of [".js", ".js.map", TYPES]) rmSync(made + ending, { force: true });
  }
}
