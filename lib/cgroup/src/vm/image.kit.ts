/** The virtual machine's only file system: Node.js and what it needs of this host, this room compiled, and an init script. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { type ArchiveEntry, writeCpio } from "./cpio.kit.js";
import { librariesOf, type VmParts } from "./parts.kit.js";

const OWN_PACKAGE = join(import.meta.dirname, "../../package.json");
const MODULES = "app/node_modules";
/** Code as Node.js loads it; neither types nor source maps. */
const CODE = /(\.[cm]?js|\.json)$/;
const TEST = /\.test\.js$/;

/**
 * Mounts what every Linux has, and a cgroup v2 hierarchy alone. Results go to the second serial line, the kernel's own words to
 * the first. Closing the line waits until all is sent; then the machine is reset, which ends QEMU (-no-reboot).
 */
const INIT = `#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs -o mode=1777 tmp /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
export PATH=/usr/bin:/bin
node /${MODULES}/@openwhisk-harvest/cgroup/dist/vm/guest.kit.js < /dev/null > /dev/ttyS1 2>&1
echo b > /proc/sysrq-trigger
`;

export function writeImage(archive: string, { programs }: VmParts): void {
  const libraries = new Set(Object.values(programs).flatMap(librariesOf));
  const files: ArchiveEntry[] = [
    { path: "init", text: INIT },
    { path: "bin/sh", from: programs.sh },
    { path: "bin/mount", from: programs.mount },
    { path: "usr/bin/node", from: programs.node },
    ...[...libraries].map((from) => ({ path: from.slice(1), from })),
    ...packagesFrom(OWN_PACKAGE),
  ];
  writeCpio(archive, files, ["proc", "sys", "dev", "tmp"]);
}

/** A package's code and that of all it needs at run time. */
function packagesFrom(packageJson: string, taken = new Set<string>()): ArchiveEntry[] {
  const { name, dependencies = {} } = JSON.parse(readFileSync(packageJson, "utf8")) as { name: string; dependencies?: object };
  if (taken.has(name)) return [];
  taken.add(name);
  return [
    ...codeBelow(dirname(packageJson), `${MODULES}/${name}`),
    ...Object.keys(dependencies).flatMap((dependency) => packagesFrom(packageJsonOf(dependency, packageJson), taken)),
  ];
}

/** As Node.js looks for it, without the package's `exports` in the way. */
function packageJsonOf(dependency: string, from: string): string {
  const folders = createRequire(from).resolve.paths(dependency) ?? [];
  const found = folders.map((folder) => join(folder, dependency, "package.json")).find(existsSync);
  if (found === undefined) throw new Error(`${dependency}, which ${from} needs, is not installed.`);
  return found;
}

function codeBelow(folder: string, path: string): ArchiveEntry[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): ArchiveEntry[] => {
    const [from, inside] = [join(folder, entry.name), `${path}/${entry.name}`];
    if (entry.isDirectory()) return entry.name === "node_modules" ? [] : codeBelow(from, inside);
    return entry.isFile() && CODE.test(entry.name) && !TEST.test(entry.name) ? [{ path: inside, from }] : [];
  });
}
