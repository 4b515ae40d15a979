/** A Docker engine for tests, and images made of this host's own files: no registry is needed. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { eventually } from "@openwhisk-harvest/testkit";
import Docker from "dockerode";
import { RUNTIME_FILES } from "../kinds.js";

export interface TestEngine {
  readonly engine: Docker;
  /** Where containers are to be. */
  readonly network: string;
  /** Ends an engine that was started for the tests. */
  close(): Promise<void>;
}

/** The engine of HARVEST_TEST_DOCKER_HOST, that of this host, or one started here; or the reason why there is none. */
export async function findEngine(): Promise<TestEngine | string> {
  const named = process.env["HARVEST_TEST_DOCKER_HOST"];
  if (named) return { engine: engineAt(named), network: "bridge", close: async () => undefined };
  const usual = engineAt("unix:///var/run/docker.sock");
  if (existsSync("/var/run/docker.sock") && (await answers(usual)))
    return { engine: usual, network: "bridge", close: async () => undefined };
  if (spawnSync("dockerd", ["--version"]).status !== 0) return "no Docker engine answers here, and dockerd is not installed";
  if (process.getuid?.() !== 0) return "no Docker engine answers here, and only root can start one";
  return startEngine();
}

function engineAt(host: string): Docker {
  const { protocol, hostname, port, pathname } = new URL(host);
  return protocol === "unix:" ? new Docker({ socketPath: pathname }) : new Docker({ host: hostname, port });
}

async function answers(engine: Docker): Promise<boolean> {
  return await engine.ping().then(
    () => true,
    () => false,
  );
}

async function startEngine(): Promise<TestEngine | string> {
  const folder = mkdtempSync(join(tmpdir(), "owh-dockerd-"));
  const socketPath = join(folder, "docker.sock");
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")];
  const log = openSync(join(folder, "log"), "a");
  const daemon = spawn("dockerd", ["--host", `unix://${socketPath}`, "--bridge", "none", ...places], { stdio: ["ignore", log, log] });
  const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  const close = async () => {
    daemon.kill("SIGTERM");
    await gone;
    rmSync(folder, { recursive: true, force: true });
  };
  const engine = new Docker({ socketPath });
  try {
    await eventually(async () => daemon.exitCode !== null || (await answers(engine)), "dockerd answers");
    if (daemon.exitCode === null) return await withNetwork(engine, close);
  } catch (error) {
    await close();
    throw error;
  }
  const reason = readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1);
  await close();
  return `dockerd cannot be started here: ${reason}`;
}

/** A network of its own: two engines on one host would give the same addresses on `bridge`. */
async function withNetwork(engine: Docker, close: () => Promise<void>): Promise<TestEngine> {
  const name = `harvest-test-${process.pid}`;
  const Subnet = `10.${randomInt(64, 192)}.${randomInt(256)}.0/24`;
  const network = await engine.createNetwork({ Name: name, IPAM: { Driver: "default", Config: [{ Subnet }] } });
  const closeAll = async () => {
    try {
      await network.remove();
    } finally {
      await close();
    }
  };
  return { engine, network: name, close: closeAll };
}

/** An image with Node.js, what it links to, our nodejs runtime and these further files below /. */
export async function importImage(engine: Docker, name: string, files: Readonly<Record<string, string>>, command: readonly string[]) {
  const root = mkdtempSync(join(tmpdir(), "owh-image-"));
  try {
    mkdirSync(join(root, "tmp"));
    const libraries = execFileSync("ldd", [process.execPath], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g);
    for (const path of [...libraries].map(([, library = ""]) => library)) copyInto(root, path, path);
    copyInto(root, process.execPath, "/bin/node");
    copyInto(root, RUNTIME_FILES.nodejs, "/runtime.cjs");
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
    const tar = spawn("tar", ["-c", "-C", root, "."], { stdio: ["ignore", "pipe", "inherit"] });
    const [repo, tag] = name.split(":");
    const progress = await engine.importImage(tar.stdout, { repo, tag, changes: `CMD ${JSON.stringify(command)}` });
    await new Promise<void>((resolve, reject) => {
      engine.modem.followProgress(progress, (error) => (error ? reject(error) : resolve()));
    });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function copyInto(root: string, from: string, to: string): void {
  mkdirSync(dirname(join(root, to)), { recursive: true });
  cpSync(from, join(root, to), { dereference: true });
}
