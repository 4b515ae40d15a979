/** What a virtual machine needs of this host; each part is found, or named in one sentence that says how to get it. */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync, realpathSync } from "node:fs";
import { join } from "node:path";

export interface VmParts {
  readonly qemu: string;
  readonly kernel: string;
  /** Of the host, for the guest: a shell and mount(8) for its first steps, and this very Node.js. */
  readonly programs: { readonly sh: string; readonly mount: string; readonly node: string };
}

export type VmPartsOrNot = VmParts | { readonly unavailable: string };

/** Where fetch-kernel.sh puts the kernel: in the repository's node_modules, four floors above dist/vm/parts.kit.js. */
const CACHE = join(import.meta.dirname, "../../../../node_modules/.cache/openwhisk-harvest");
const CLOUD_KERNEL = /^vmlinuz-.*cloud/;

export function findVmParts(environment: NodeJS.ProcessEnv = process.env): VmPartsOrNot {
  if (process.platform !== "linux" || process.arch !== "x64")
    return { unavailable: `the virtual machine runs on Linux x86_64 only, not on ${process.platform} ${process.arch}` };
  const path = [...(environment["PATH"] ?? "").split(":"), "/usr/bin", "/bin"].filter(Boolean);
  const inPath = (name: string) => path.map((folder) => join(folder, name)).find(isExecutable);
  const [qemu, sh, mount] = ["qemu-system-x86_64", "sh", "mount"].map(inPath);
  if (qemu === undefined) return { unavailable: "qemu-system-x86_64 is not on the PATH (Debian's package qemu-system-x86)" };
  if (sh === undefined || mount === undefined || inPath("ldd") === undefined) return { unavailable: "sh, mount or ldd is not on the PATH" };
  const kernel = findKernel(environment["HARVEST_TEST_VM_KERNEL"]);
  if (kernel === undefined)
    return {
      unavailable: "no kernel: neither HARVEST_TEST_VM_KERNEL, nor /boot/vmlinuz-*cloud*; lib/cgroup/vm/fetch-kernel.sh fetches one",
    };
  return { qemu, kernel, programs: { sh, mount, node: process.execPath } };
}

function findKernel(named: string | undefined): string | undefined {
  if (named) return existsSync(named) ? named : undefined;
  for (const folder of ["/boot", CACHE]) {
    const name = existsSync(folder)
      ? readdirSync(folder)
          .filter((n) => CLOUD_KERNEL.test(n))
          .sort()
          .at(-1)
      : undefined;
    if (name !== undefined) return join(folder, name);
  }
  return undefined;
}

function isExecutable(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The shared libraries of a program, its loader included, under the paths by which it looks for them. */
export function librariesOf(program: string): string[] {
  const listed = execFileSync("ldd", [realpathSync(program)], { encoding: "utf8" });
  return [...listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map(([, path]) => path as string);
}
