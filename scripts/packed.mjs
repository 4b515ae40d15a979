/** What `npm pack` would put into rooms, without packing them. */
import { execFileSync } from "node:child_process";

/** By the names of their packages: `[{name, files: [{path}]}]`. Needs the build. */
export function packed(names) {
  const workspaces = names.flatMap((name) => ["--workspace", name]);
  const output = execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts", ...workspaces], {
    encoding: "utf8",
    maxBuffer: 64 * 2 ** 20,
    stdio: ["ignore", "pipe", "ignore"],
  });
  return JSON.parse(output);
}
