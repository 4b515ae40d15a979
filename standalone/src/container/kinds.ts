/**
 * The kinds of actions that this host can run, as OpenWhisk's runtime manifest has them (ansible/files/runtimes.json),
 * and how the process of each is started. A kind is offered only if its language is there and the containers' user can
 * run it.
 */
import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { FIRST_UID } from "./users.js";

/** What clients get to know of a kind, wherever it runs. */
export interface ManifestKind {
  /** e.g. `nodejs:20` */
  readonly kind: string;
  /** e.g. `nodejs` */
  readonly family: string;
  /** Whether `<family>:default` means this one. */
  readonly default: boolean;
}

/** A kind that runs as a process of this host. */
export interface OfferedKind extends ManifestKind {
  readonly family: "nodejs" | "python";
  /** What runs it: absolute path of an executable. */
  readonly executable: string;
  /** Its version, e.g. `3.11.7`. */
  readonly version: string;
}

export interface PythonFound {
  readonly executable: string;
  readonly version: string;
}

/** The runtimes, as they are shipped. The first is made by scripts/bundle.mjs. */
export const RUNTIME_FILES: Readonly<Record<OfferedKind["family"], string>> = {
  nodejs: fileURLToPath(new URL("../nodejs-runtime.cjs", import.meta.url)),
  python: fileURLToPath(new URL("../../runtimes/python/runtime.py", import.meta.url)),
};

/** Those of the stock manifest. What runs them is the Node.js that we run on, whatever the number says. */
const NODE_KINDS = ["nodejs:18", "nodejs:20"];
const DEFAULT_NODE_KIND = "nodejs:20";
const DEFAULT_PYTHON_KIND = "python:3";
/** The oldest python that runtime.py is written for. */
const OLDEST_PYTHON_MINOR = 8;
const PROBE_TIMEOUT_MS = 5_000;
/** Where distributions have them, besides the PATH that we were started with. */
const USUAL_FOLDERS = ["/usr/local/bin", "/usr/bin"];

let offered: readonly OfferedKind[] | undefined;

/** The kinds of this host, found once. The defaults are `nodejs:20` and `python:3`. */
export function offeredKinds(): readonly OfferedKind[] {
  offered ??= kindsOf(findPython());
  return offered;
}

/** Resolves `<family>:default`; undefined when the kind is not offered. */
export function offeredKind(kind: string): OfferedKind | undefined;
export function offeredKind<K extends ManifestKind>(kind: string, kinds: readonly K[]): K | undefined;
export function offeredKind(kind: string, kinds: readonly ManifestKind[] = offeredKinds()): ManifestKind | undefined {
  const [family, version] = kind.split(":");
  return kinds.find((each) => (version === "default" ? each.default && each.family === family : each.kind === kind));
}

/** Of the images that a Docker driver has; of each family the first is the default. */
export function kindsOfImages(images: Readonly<Record<string, string>>): ManifestKind[] {
  const families = new Set<string>();
  return Object.keys(images).map((kind) => {
    const family = kind.split(":")[0] ?? kind;
    const isFirst = !families.has(family);
    families.add(family);
    return { kind, family, default: isFirst };
  });
}

/** Pure. Without a python there are no python kinds. */
export function kindsOf(
  python: PythonFound | undefined,
  node: PythonFound = { executable: process.execPath, version: process.versions.node },
): OfferedKind[] {
  const kinds: OfferedKind[] = NODE_KINDS.map((kind) => ({ kind, family: "nodejs", default: kind === DEFAULT_NODE_KIND, ...node }));
  if (!python) return kinds;
  const minor = python.version.split(".").slice(0, 2).join(".");
  for (const kind of [DEFAULT_PYTHON_KIND, `python:${minor}`])
    kinds.push({ kind, family: "python", default: kind === DEFAULT_PYTHON_KIND, ...python });
  return kinds;
}

/** The first python3 of the PATH, then of the usual folders, that runs as the user that containers have. */
export function findPython(path = process.env["PATH"] ?? "", isRoot = process.getuid?.() === 0): PythonFound | undefined {
  const folders = new Set([...path.split(delimiter).filter((folder) => folder.startsWith("/")), ...USUAL_FOLDERS]);
  for (const folder of folders) {
    const found = probePython(join(folder, "python3"), isRoot);
    if (found) return found;
  }
  return undefined;
}

/** Version managers put scripts there that need their user's home: asking the interpreter itself settles it. */
function probePython(candidate: string, isRoot: boolean): PythonFound | undefined {
  if (!isExecutable(candidate)) return undefined;
  const user = isRoot ? { uid: FIRST_UID, gid: FIRST_UID } : {};
  const question = "import json, socket, sys; print(sys.executable, '%d.%d.%d' % sys.version_info[:3])";
  const env = { PATH: dirname(candidate) };
  const { status, stdout } = spawnSync(candidate, ["-E", "-c", question], {
    ...{ ...user, env, cwd: "/", encoding: "utf8", timeout: PROBE_TIMEOUT_MS },
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [, executable, version, minor] = /^(\/.+) (3\.(\d+)\.\d+)\n$/.exec(status === 0 ? stdout : "") ?? [];
  return executable && version && Number(minor) >= OLDEST_PYTHON_MINOR ? { executable, version } : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(realpathSync(file), constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not ours to run
  }
}

/**
 * The command that starts a runtime. V8 is told its heap only where no kernel bounds the memory: with one, it finds the
 * limit itself.
 */
export function runtimeCommand({ family, executable }: OfferedKind, file: string, heapLimitMb: number | undefined): string[] {
  if (family === "python") return [executable, file];
  return [executable, ...(heapLimitMb === undefined ? [] : [`--max-old-space-size=${heapLimitMb}`]), file];
}
