/** An image with both test runtimes, made of this host's own files: no registry is needed. */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type Docker from "dockerode";

export const IMAGE = "openwhisk-harvest-test/agents:here";
const SOURCES = join(import.meta.dirname, "../../test-images");
/** What agents/compile and the launchers call. */
const COMMANDS = ["sh", "mv", "cp", "dirname", "chmod", "cat"];
/** Of Python's own library, what no action of a test needs; it is most of its size. */
const LEFT_OUT =
  /(^|\/)(test|tests|idlelib|tkinter|ensurepip|lib2to3|distutils|site-packages|dist-packages|__pycache__|config-[^/]*|pydoc_data|turtledemo|venv)(\/|$)/;

/** Takes some seconds. `python3`, node and a few commands are copied with the libraries that they are linked to. */
export async function importTestImage(engine: Docker): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), "owh-agents-image-"));
  try {
    for (const folder of ["tmp", "usr/bin", "proc", "sys"]) mkdirSync(join(root, folder), { recursive: true });
    copyProgram(root, process.execPath, "/usr/bin/node");
    for (const command of COMMANDS) copyProgram(root, which(command), `/bin/${command}`);
    copyPython(root);
    cpSync(join(SOURCES, "nodejsAction"), join(root, "nodejsAction"), { recursive: true });
    cpSync(join(SOURCES, "actionloop"), join(root, "actionloop"), { recursive: true });
    copyInto(root, join(SOURCES, "actionloop/compile"), "/bin/compile");
    await importFolder(engine, root);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function importFolder(engine: Docker, root: string): Promise<void> {
  const tar = spawn("tar", ["-c", "-C", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
  const [repo, tag] = IMAGE.split(":");
  const progress = await engine.importImage(tar.stdout, { repo, tag, changes: "ENV PATH=/usr/bin:/bin" });
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}

function copyPython(root: string): void {
  const script = "import json, sys, sysconfig; print(json.dumps([sys.executable, sysconfig.get_path('stdlib')]))";
  const [executable = "", library = ""] = JSON.parse(execFileSync("python3", ["-I", "-c", script], { encoding: "utf8" })) as string[];
  const real = realpathSync(executable);
  copyProgram(root, real, real);
  if (!existsSync(join(root, "usr/bin/python3"))) symlinkSync(real, join(root, "usr/bin/python3"));
  const filter = (from: string) => !LEFT_OUT.test(relative(library, from));
  cpSync(library, join(root, library), { recursive: true, filter });
  const modules = execFileSync("find", [join(root, library), "-name", "*.so"], { encoding: "utf8" });
  for (const module of modules.split("\n").filter(Boolean)) copyLibraries(root, module);
}

function which(command: string): string {
  return realpathSync(execFileSync("which", [command], { encoding: "utf8" }).trim());
}

function copyProgram(root: string, from: string, to: string): void {
  copyLibraries(root, from);
  copyInto(root, from, to);
}

function copyLibraries(root: string, program: string): void {
  const listed = execFileSync("ldd", [program], { encoding: "utf8" });
  for (const [, library = ""] of listed.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm))
    if (!existsSync(join(root, library))) copyInto(root, library, library);
}

function copyInto(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(from, join(root, to), { dereference: true });
}
