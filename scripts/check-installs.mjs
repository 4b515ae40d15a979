/**
 * Holds what an installation of this repository runs and brings:
 *
 * installs.1  Only the packages listed here have install scripts, and none of them needs its own: CI installs with `--ignore-scripts`.
 * installs.2  `npm audit` knows of no vulnerability of the level `high` or above in what is not for development. Where the registry does not
 *             answer it, this is said, and nothing is checked.
 *
 * Part of CI. Prints every breach, and ends with 1 when there is one.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { report } from "./report-breaches.mjs";

/** Each has prebuilt binaries in its package, or does without: cpu-features and msgpackr-extract only make something faster. */
const WITH_INSTALL_SCRIPT = ["cpu-features", "esbuild", "leveldown", "lmdb", "msgpackr-extract", "protobufjs", "ssh2"];

const { packages } = JSON.parse(readFileSync("package-lock.json", "utf8"));
const scripted = Object.entries(packages)
  .filter(([, { hasInstallScript }]) => hasInstallScript)
  .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
const breaches = scripted
  .filter((name) => !WITH_INSTALL_SCRIPT.includes(name))
  .map((name) => `${name}: has an install script; look at what it does, and whether it works without (installs.1)`);

const audit = spawnSync("npm", ["audit", "--omit=dev", "--json"], { encoding: "utf8" });
const { vulnerabilities } = JSON.parse(audit.stdout || "{}");
if (vulnerabilities === undefined) console.log("npm audit is not answered by this registry.");
for (const { name, severity, range } of Object.values(vulnerabilities ?? {}))
  if (severity === "high" || severity === "critical") breaches.push(`${name} ${range}: a vulnerability of level ${severity} (installs.2)`);

report(breaches, `${new Set(scripted).size} packages with install scripts are known, and work without`);
