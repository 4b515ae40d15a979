/**
 * A Docker engine for tests: that of HARVEST_TEST_DOCKER_HOST, that of this host, or one started here.
 * `scripts/test.mjs` starts one for all files of a run and names it in that variable.
 *
 * docker-engine.1  An engine that is started here touches nothing of another one's, and leaves nothing on the host: its
 *     folders and its bridge are its own, and it sets neither packet filters nor kernel parameters. So its containers
 *     reach this host, and nothing beyond.
 * docker-engine.2  Every user has a network of its own, so that files of tests may run side by side on one engine.
 */
import { spawn, spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Docker from "dockerode";
import { eventually } from "../eventually.js";

export interface TestEngine {
  readonly engine: Docker;
  readonly socketPath: string;
  /** Where containers are to be. */
  readonly network: string;
  /** This host's address in that network. */
  readonly gateway: string;
  /** Ends an engine that was started for the caller, and otherwise removes the network. */
  close(): Promise<void>;
}

/** An engine that was started here. */
export interface StartedEngine {
  readonly socketPath: string;
  close(): Promise<void>;
}

const USUAL_SOCKET = "/var/run/docker.sock";
const SETS_NOTHING = ["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--ip-forward=false"];
/** Networks get addresses by chance, and may meet another's. */
const ATTEMPTS = 5;

/**
 * Or the reason why there is none. The containers' files must be readable here, so engines of other hosts will not do.
 */
export async function findEngine(): Promise<TestEngine | string> {
  const socketPath = namedSocket();
  if (existsSync(socketPath) && (await answers(new Docker({ socketPath })))) return withNetwork(socketPath, async () => undefined);
  if (socketPath !== USUAL_SOCKET) return `no Docker engine answers at ${socketPath}`;
  const started = await startEngine();
  return typeof started === "string" ? started : withNetwork(started.socketPath, started.close);
}

/** For a run of many files; undefined where an engine answers already, or none can be started here. */
export async function startEngineIfNone(): Promise<StartedEngine | undefined> {
  const socketPath = namedSocket();
  if (existsSync(socketPath) && (await answers(new Docker({ socketPath })))) return undefined;
  const started = await startEngine();
  return typeof started === "string" ? undefined : started;
}

/** Or the reason why none can be started here. */
export async function startEngine(): Promise<StartedEngine | string> {
  if (spawnSync("dockerd", ["--version"]).status !== 0) return "no Docker engine answers here, and dockerd is not installed";
  if (process.getuid?.() !== 0) return "no Docker engine answers here, and only root can start one";
  const folder = mkdtempSync(join(tmpdir(), "owh-dockerd-"));
  const socketPath = join(folder, "docker.sock");
  const bridge = addBridge();
  if (bridge === undefined) return "no Docker engine answers here, and ip(8) cannot make a bridge for one";
  const places = ["--data-root", join(folder, "data"), "--exec-root", join(folder, "exec"), "--pidfile", join(folder, "pid")];
  const log = openSync(join(folder, "log"), "a");
  const options = ["--host", `unix://${socketPath}`, "--bridge", bridge, ...SETS_NOTHING, ...places];
  const daemon = spawn("dockerd", options, { stdio: ["ignore", log, log] });
  const gone = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
  const stop = () => void daemon.kill("SIGTERM");
  process.once("exit", stop);
  const close = async () => {
    stop();
    await gone;
    process.off("exit", stop);
    ip("link", "delete", bridge);
    spawnSync("umount", ["--lazy", join(folder, "exec/netns/default")]); // there if a container had the host's network
    rmSync(folder, { recursive: true, force: true });
  };
  const engine = new Docker({ socketPath });
  try {
    await eventually(async () => daemon.exitCode !== null || (await answers(engine)), "dockerd answers");
    if (daemon.exitCode === null) return { socketPath, close };
  } catch (error) {
    await close();
    throw error;
  }
  const reason = readFileSync(join(folder, "log"), "utf8").trim().split("\n").at(-1);
  await close();
  return `dockerd cannot be started here: ${reason}`;
}

function namedSocket(): string {
  const named = process.env["HARVEST_TEST_DOCKER_HOST"];
  return named ? new URL(named).pathname : USUAL_SOCKET;
}

async function answers(engine: Docker): Promise<boolean> {
  return await engine.ping().then(
    () => true,
    () => false,
  );
}

function ip(...words: readonly string[]): boolean {
  return spawnSync("ip", words, { stdio: "ignore" }).status === 0;
}

/**
 * The name of a new bridge; undefined when there can be none. With `--bridge none` a daemon deletes docker0, and
 * without a bridge of its own it uses docker0, which may be another daemon's.
 */
function addBridge(): string | undefined {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const name = `owht${randomInt(2 ** 32).toString(36)}`;
    if (!ip("link", "add", "name", name, "type", "bridge")) continue;
    if (ip("address", "add", `${randomPrefix()}.1/24`, "dev", name) && ip("link", "set", name, "up")) return name;
    ip("link", "delete", name);
  }
  return undefined;
}

const randomPrefix = () => `10.${randomInt(64, 192)}.${randomInt(256)}`;

async function withNetwork(socketPath: string, close: () => Promise<void>): Promise<TestEngine> {
  const engine = new Docker({ socketPath });
  try {
    const { network, name, gateway } = await makeNetwork(engine);
    const closeAll = async () => {
      try {
        await eventually(() => isRemoved(network), `no container is left in network ${name}`);
      } finally {
        await close();
      }
    };
    return { engine, socketPath, network: name, gateway, close: closeAll };
  } catch (error) {
    await close();
    throw error;
  }
}

/** On a busy host a container leaves its network a moment after it has been removed: 403 until then. */
async function isRemoved(network: Docker.Network): Promise<boolean> {
  try {
    await network.remove();
    return true;
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode !== 403) throw error;
    return false;
  }
}

async function makeNetwork(engine: Docker) {
  const name = `harvest-test-${process.pid}-${randomInt(2 ** 32).toString(36)}`;
  for (let attempt = 1; ; attempt++) {
    const prefix = randomPrefix();
    const gateway = `${prefix}.1`;
    const IPAM = { Driver: "default", Config: [{ Subnet: `${prefix}.0/24`, Gateway: gateway }] };
    try {
      return { network: await engine.createNetwork({ Name: name, IPAM }), name, gateway };
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
