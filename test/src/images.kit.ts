/**
 * The images of docker/images/Dockerfile, built without a registry: the base is made of this host's own files, and the parts of this
 * checkout's build, each with its production closure (scripts/closure.mjs) and nothing else.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { copyLibraries, copyProgram, importImage } from "@openwhisk-harvest/testkit/docker";
import type Docker from "dockerode";

const REPOSITORY = join(import.meta.dirname, "../..");
const DOCKERFILE = "docker/images/Dockerfile";
const BASE = "openwhisk-harvest-test/base:here";
const PARTS = "openwhisk-harvest-test/parts:here";

/** By the targets of the Dockerfile: the folder of the room that each starts. */
export const IMAGES = { sidecar: "sidecar", shim: "loadbalancer-shim/bus", "node-agent": "docker" } as const;
export type ImageName = keyof typeof IMAGES;

export interface BuiltImages {
  nameOf(image: ImageName): string;
  /** Paths of all files that the image has below /app. */
  filesOf(image: ImageName): string[];
  close(): void;
}

/** Takes some seconds. Needs a build of the checkout. */
export async function buildImages(engine: Docker): Promise<BuiltImages> {
  const folder = mkdtempSync(join(tmpdir(), "owh-parts-"));
  const close = () => rmSync(folder, { recursive: true, force: true });
  try {
    for (const room of Object.values(IMAGES)) copyClosure(room, join(folder, "parts", room));
    mkdirSync(join(folder, "parts/data"));
    await importImage(engine, PARTS, (root) => execFileSync("cp", ["-a", `${folder}/.`, root]));
    await importImage(engine, BASE, (root) => fillBase(root, folder), ["ENV PATH=/usr/bin:/bin"]);
    for (const image of Object.keys(IMAGES) as ImageName[]) await build(engine, image);
    return { nameOf, filesOf: (image) => filesIn(join(folder, "parts", IMAGES[image])), close };
  } catch (error) {
    close();
    throw error;
  }
}

function nameOf(image: ImageName): string {
  return `openwhisk-harvest-test/${image}:here`;
}

function copyClosure(room: string, target: string): void {
  execFileSync(process.execPath, ["scripts/closure.mjs", room, "--copy", target], {
    cwd: REPOSITORY,
    stdio: ["ignore", "ignore", "inherit"],
  });
}

/** Node.js with the libraries that it and native modules are linked to, and the users of node's own image. */
function fillBase(root: string, parts: string): void {
  for (const name of ["tmp", "usr/bin", "proc", "sys", "etc"]) mkdirSync(join(root, name), { recursive: true });
  copyProgram(root, process.execPath, "/usr/bin/node");
  const native = filesIn(parts).filter((path) => path.endsWith(".node") && !path.includes("musl"));
  for (const file of native) copyLibraries(root, join(parts, file));
  writeFileSync(join(root, "etc/passwd"), "root:x:0:0::/:\nnode:x:1000:1000::/:\n");
  writeFileSync(join(root, "etc/group"), "root:x:0:\nnode:x:1000:\n");
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1));
}

/** With BuildKit, which leaves out the stages that the target does not need: nothing is compiled or fetched here. */
async function build(engine: Docker, image: ImageName): Promise<void> {
  const context = execFileSync("tar", ["-c", "-C", REPOSITORY, DOCKERFILE]);
  const options = { version: "2", target: image, t: nameOf(image), dockerfile: DOCKERFILE, buildargs: { BASE, PARTS } } as const;
  const progress = await engine.buildImage(Readable.from([context]), options);
  await new Promise<void>((resolve, reject) => {
    engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
  });
}
