/** Workloads have packages of their own, too heavy for the root install, so a fresh checkout has them unbuilt. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { MissingHere } from "../missing.js";

/** Installs and builds the workload in `folder` where that has not been done. Throws MissingHere when it cannot be. */
export function buildWorkload(folder: string, onLine: (line: string) => void): void {
  if (!existsSync(join(folder, "build.js")) || existsSync(join(folder, "dist"))) return;
  onLine(`${folder}: npm ci && npm run build`);
  for (const step of [
    ["ci", "--no-audit", "--no-fund"],
    ["run", "build"],
  ]) {
    const { status, stderr } = spawnSync("npm", ["--silent", ...step], {
      cwd: folder,
      encoding: "utf8",
      stdio: ["ignore", "ignore", "pipe"],
    });
    if (status !== 0)
      throw new MissingHere(`npm ${step[0]} failed in ${folder}: ${stderr?.trim().split("\n").at(-1) ?? "npm cannot be started"}`);
  }
}
