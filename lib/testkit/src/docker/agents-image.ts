/** Images with runtimes of the shape of OpenWhisk's own, nodejs and python, for the agents to be loaded into. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type Docker from "dockerode";
import type { TestEngine } from "./engine.js";
import { copyInto, copyLibraries, copyProgram, importImage } from "./image.js";

export const AGENTS_IMAGE = "openwhisk-harvest-test/agents:here";
/** The nodejs runtime alone, started by the image's own command, as OpenWhisk's images are. */
export const NODEJS_IMAGE = "openwhisk-harvest-test/nodejs:here";
const SOURCES = join(import.meta.dirname, "../../images");
/** What agents/compile and the launchers call. */
const COMMANDS = ["sh", "mv", "cp", "dirname", "chmod", "cat"];
/** The client that OpenWhisk's nodejs images bring for conductors, and what unpacks an archive here. */
const MODULES = ["openwhisk", "fflate"];
/** Of Python's own library, what no action of a test needs; it is most of its size. */
const LEFT_OUT =
  /(^|\/)(test|tests|idlelib|tkinter|ensurepip|lib2to3|distutils|site-packages|dist-packages|__pycache__|config-[^/]*|pydoc_data|turtledemo|venv)(\/|$)/;

/** Takes some seconds. `python3`, node and a few commands are copied with the libraries that they are linked to. */
export async function importAgentsImage(engine: Docker): Promise<void> {
  await importImage(engine, AGENTS_IMAGE, fill, ["ENV PATH=/usr/bin:/bin"]);
}

export interface NodejsImageParts {
  /** Puts further files into the folder that becomes /. */
  readonly fill: (root: string) => void;
  /** Lines `NAME=value` of its containers' environment. */
  readonly environment: readonly string[];
}

export async function importNodejsImage(engine: Docker, { fill: fillMore, environment }: NodejsImageParts): Promise<void> {
  const all = (root: string) => {
    fillNodejs(root);
    fillMore(root);
  };
  const command = 'CMD ["node", "--expose-gc", "/nodejsAction/app.js"]';
  await importImage(engine, NODEJS_IMAGE, all, [
    "ENV PATH=/usr/bin:/bin",
    ...environment.map((line) => `ENV ${line}`),
    "WORKDIR /nodejsAction",
    command,
  ]);
}

/** What an embedded OpenWhisk is told to run actions in containers of that image. */
export function standaloneFlags({ socketPath, network, gateway }: TestEngine): readonly string[] {
  return [
    ...["standalone.driver=docker", `standalone.docker.images=nodejs:20=${NODEJS_IMAGE}`],
    ...[`standalone.docker.socket=${socketPath}`, `standalone.docker.network=${network}`],
    ...[`standalone.host=${gateway}`, `sidecar.host=${gateway}`],
  ];
}

function fillNodejs(root: string): void {
  for (const folder of ["tmp", "usr/bin", "proc", "sys"]) mkdirSync(join(root, folder), { recursive: true });
  copyProgram(root, process.execPath, "/usr/bin/node");
  cpSync(join(SOURCES, "nodejsAction"), join(root, "nodejsAction"), { recursive: true });
  for (const name of MODULES) copyModule(root, name, import.meta.dirname);
}

function fill(root: string): void {
  fillNodejs(root);
  for (const command of COMMANDS) copyProgram(root, which(command), `/bin/${command}`);
  copyPython(root);
  cpSync(join(SOURCES, "actionloop"), join(root, "actionloop"), { recursive: true });
  copyInto(root, join(SOURCES, "actionloop/compile"), "/bin/compile");
}

/** With all that it depends on, side by side. */
function copyModule(root: string, name: string, from: string): void {
  const target = join(root, "nodejsAction/node_modules", name);
  if (existsSync(target)) return;
  const folder = moduleFolder(name, from);
  cpSync(folder, target, { recursive: true, filter: (path) => !relative(folder, path).includes("node_modules") });
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { readonly dependencies?: object };
  for (const dependency of Object.keys(dependencies)) copyModule(root, dependency, folder);
}

/** Where Node.js would find it. */
function moduleFolder(name: string, from: string): string {
  const folder = join(from, "node_modules", name);
  if (existsSync(folder)) return folder;
  if (from === dirname(from)) throw new Error(`There is no module ${name} here.`);
  return moduleFolder(name, dirname(from));
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
