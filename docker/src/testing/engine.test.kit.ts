/** A Docker engine for tests: that of HARVEST_TEST_DOCKER_HOST, that of this host, or one started here. */
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";

export interface TestEngine {
  readonly engine: Docker;
  readonly socketPath: string;
  /** Where containers are to be. */
  readonly network: string;
  /** This host's address in that network. */
  readonly gateway: string;
  close(): Promise<void>;
}

const USUAL_SOCKET = "/var/run/docker.sock";

/** Or the reason why there is none. The containers' files must be readable here, so engines of other hosts will not do. */
export async function findEngine(): Promise<TestEngine | string> {
  const named = process.env["HARVEST_TEST_DOCKER_HOST"];
  const socketPath = named === undefined || named === "" ? USUAL_SOCKET : new URL(named).pathname;
  const usual = new Docker({ socketPath });
  if (existsSync(socketPath) && (await answers(usual))) return withNetwork(usual, socketPath, async () => undefined);
  if (spawnSync("dockerd", ["--version"]).status !== 0) return "no Docker engine answers here, and dockerd is not installed";
  if (process.getuid?.() !== 0) return "no Docker engine answers here, and only root can start one";
  return startEngine();
}

/** Polls until it holds; the deadline is generous, for the machine may be busy. */
export async function eventually(holds: () => boolean | Promise<boolean>, what: string, timeoutMs = 30_000): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadlineMs) throw new Error(`Not within ${timeoutMs} ms: ${what}`);
    await sleep(10);
  }
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
    spawnSync("umount", ["--lazy", join(folder, "exec/netns/default")]); // there if a container had the host's network
    rmSync(folder, { recursive: true, force: true });
  };
  const engine = new Docker({ socketPath });
  try {
    await eventually(async () => daemon.exitCode !== null || (await answers(engine)), "dockerd answers", 60_000);
    if (daemon.exitCode === null) return await withNetwork(engine, socketPath, close);
  } catch (error) {
    await close();
    throw error;
  }
  const reason = readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1);
  await close();
  return `dockerd cannot be started here: ${reason}`;
}

/** A network of its own: two engines on one host would give the same addresses on `bridge`. */
async function withNetwork(engine: Docker, socketPath: string, close: () => Promise<void>): Promise<TestEngine> {
  const name = `harvest-agents-${process.pid}`;
  const prefix = `10.${randomInt(64, 192)}.${randomInt(256)}`;
  const gateway = `${prefix}.1`;
  const IPAM = { Driver: "default", Config: [{ Subnet: `${prefix}.0/24`, Gateway: gateway }] };
  const network = await engine.createNetwork({ Name: name, IPAM });
  const closeAll = async () => {
    try {
      await network.remove();
    } finally {
      await close();
    }
  };
  return { engine, socketPath, network: name, gateway, close: closeAll };
}
