/** A server on a real file system that is full: data-disk.D1 to data-disk.D3, lmdb-activations.R1 to lmdb-activations.R3. */
import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { startRedis } from "@openwhisk-harvest/stores";
import { eventually } from "@openwhisk-harvest/testkit";
import { type Answer, type RequestOptions, request } from "./standalone.kit.js";

const SERVER = fileURLToPath(new URL("./soak/server-process.kit.js", import.meta.url));
const skip = process.getuid?.() === 0 ? false : "only root can mount a file system";

let folder: string;
let dataDir: string;
const started = new Set<ChildProcess>();
let redis: Awaited<ReturnType<typeof startRedis>>;
before(async () => {
  if (skip) return;
  folder = mkdtempSync(join(tmpdir(), "owh-full-"));
  dataDir = mkdtempSync(join(tmpdir(), "owh-full-data-"));
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", dataDir]);
  redis = await startRedis({ dataDir: folder });
});
after(async () => {
  if (skip) return;
  for (const child of started) child.kill("SIGKILL");
  await redis.close();
  execFileSync("umount", ["--lazy", dataDir]);
  rmSync(dataDir, { recursive: true });
  rmSync(folder, { recursive: true });
});

interface Server {
  readonly child: ChildProcess;
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>;
}

async function start(): Promise<Server> {
  const child = spawn(process.execPath, [SERVER, dataDir, redis.url], { stdio: ["ignore", "pipe", "inherit"] });
  started.add(child);
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(() => Promise.reject(new Error("The server did not start."))),
  ])) as [string];
  const target = JSON.parse(line) as { apihost: string; auth: string };
  return { child, ask: (path, options) => request(target, path, options) };
}

async function end({ child }: Server, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, "exit");
  child.kill(signal);
  await exited;
  started.delete(child);
}

function fill(): string {
  const path = join(dataDir, "ballast");
  const fd = openSync(path, "w");
  for (const bytes of [1 << 20, 1 << 12])
    try {
      for (;;) writeSync(fd, Buffer.alloc(bytes, 1));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, "ENOSPC");
    }
  closeSync(fd); // its room would stay taken
  return path;
}

const put = (server: Server, name: string, code: string) =>
  server.ask(`actions/${name}?overwrite=true`, {
    method: "PUT",
    body: { exec: { kind: "nodejs:default", code }, limits: { memory: 128, logs: 0 } },
  });
const isReady = async (server: Server) => (await server.ask("/readyz")).status === 200;

test("a full disk: changes are refused, invocations go on, nothing told is lost over kills, and all is well when there is room", {
  skip,
}, async () => {
  let server = await start();
  assert.equal((await put(server, "a", "const main = ({ n }) => ({ n })")).status, 200);
  const told = new Map<string, number>();
  const invoke = async (count: number) => {
    for (let i = 0; i < count; i++) {
      const n = told.size;
      const { status, body } = await server.ask(`actions/a?blocking=true`, { method: "POST", body: { n } });
      assert.equal(status, 200, JSON.stringify(body));
      told.set(body.activationId, n);
    }
  };
  const checkTold = async () => {
    assert.equal((await server.ask("actions/a")).body.version, "0.0.1");
    for (const [id, n] of told) assert.deepEqual((await server.ask(`activations/${id}`)).body.response?.result, { n });
  };
  await invoke(5);
  const ballast = fill();
  const refused = await eventually(async () => {
    const answer = await put(server, "b", `// ${"x".repeat(500_000)}`);
    return (await isReady(server)) ? undefined : answer;
  }, "the server says that it is not ready");
  assert.equal(refused.status, 503);
  assert.match(refused.body.error, /disk takes no writes: it is full/);
  assert.match((await server.ask("/metrics")).body, /openwhisk_store_unwritable/);
  await invoke(30);
  await checkTold();
  await end(server, "SIGKILL");
  server = await start();
  await checkTold();
  await invoke(5);
  await end(server, "SIGTERM");
  server = await start();
  await checkTold();
  rmSync(ballast);
  await eventually(() => isReady(server), "the server is ready again");
  assert.equal((await put(server, "b", `// ${"x".repeat(500_000)}`)).status, 200);
  await invoke(5);
  await checkTold();
  assert.equal((await server.ask("activations?name=a&count=true")).body.activations, told.size);
  await end(server, "SIGTERM");
});
