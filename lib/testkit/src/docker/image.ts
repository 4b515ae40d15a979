/** Images made of this host's own files: no registry is needed. */
import { execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type Docker from "dockerode";

/** One of these names is made once in a run of all tests, which `scripts/test.mjs` names in HARVEST_TEST_RUN. */
const RUN_LABEL = "org.openwhisk-harvest.test-run";

/** Imports what `fill` puts into the folder that becomes /. `changes` are instructions of a Dockerfile, such as `CMD [...]`. */
export async function importImage(
  engine: Docker,
  name: string,
  fill: (root: string) => void,
  changes: readonly string[] = [],
): Promise<void> {
  const run = process.env["HARVEST_TEST_RUN"];
  if (run !== undefined && (await runOf(engine, name)) === run) return;
  const root = mkdtempSync(join(tmpdir(), "owh-image-"));
  try {
    fill(root);
    const tar = spawn("tar", ["-c", "-C", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
    const [repo, tag] = name.split(":");
    const all = run === undefined ? changes : [...changes, `LABEL ${RUN_LABEL}=${run}`];
    const progress = await engine.importImage(tar.stdout, { repo, tag, ...(all.length > 0 && { changes: all.join("\n") }) });
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function runOf(engine: Docker, name: string): Promise<string | undefined> {
  const images = await engine.listImages({ filters: { reference: [name] } });
  return images[0]?.Labels?.[RUN_LABEL];
}

/** Copies a program and the libraries that it is linked to. */
export function copyProgram(root: string, from: string, to: string): void {
  copyLibraries(root, from);
  copyInto(root, from, to);
}

/** Of a program or another library, each to where it is here. */
export function copyLibraries(root: string, program: string): void {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  for (const [, library = ""] of listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm))
    if (!existsSync(join(root, library))) copyInto(root, library, library);
}

/** Links are followed. */
export function copyInto(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  copyFileSync(from, join(root, to));
}
