/** An image with a nodejs and a python runtime of the shape of OpenWhisk's own, for the agents to be loaded into. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, realpathSync, symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import type Docker from "dockerode";
import { copyInto, copyLibraries, copyProgram, importImage } from "./image.js";

export const AGENTS_IMAGE = "openwhisk-harvest-test/agents:here";
const SOURCES = join(import.meta.dirname, "../../images");
/** What agents/compile and the launchers call. */
const COMMANDS = ["sh", "mv", "cp", "dirname", "chmod", "cat"];
/** Of Python's own library, what no action of a test needs; it is most of its size. */
const LEFT_OUT =
  /(^|\/)(test|tests|idlelib|tkinter|ensurepip|lib2to3|distutils|site-packages|dist-packages|__pycache__|config-[^/]*|pydoc_data|turtledemo|venv)(\/|$)/;

/** Takes some seconds. `python3`, node and a few commands are copied with the libraries that they are linked to. */
export async function importAgentsImage(engine: Docker): Promise<void> {
  await importImage(engine, AGENTS_IMAGE, fill, ["ENV PATH=/usr/bin:/bin"]);
}

function fill(root: string): void {
  for (const folder of ["tmp", "usr/bin", "proc", "sys"]) mkdirSync(join(root, folder), { recursive: true });
  copyProgram(root, process.execPath, "/usr/bin/node");
  for (const command of COMMANDS) copyProgram(root, which(command), `/bin/${command}`);
  copyPython(root);
  cpSync(join(SOURCES, "nodejsAction"), join(root, "nodejsAction"), { recursive: true });
  cpSync(join(SOURCES, "actionloop"), join(root, "actionloop"), { recursive: true });
  copyInto(root, join(SOURCES, "actionloop/compile"), "/bin/compile");
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
