/** Talks to a runtime over its socket, as an invoker does. For tests. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { strToU8, type Zippable, zipSync } from "fflate";
import { bundledRuntimeFile } from "../container/process-driver.js";
import { SENTINEL } from "./service.js";
import { SOCKET_VARIABLE } from "./socket-variable.js";

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly contentLength: string | undefined;
}

export class Runtime {
  readonly #socketPath: string;
  readonly process: ChildProcess;
  stdout = "";
  stderr = "";

  constructor(socketPath: string, child: ChildProcess) {
    this.#socketPath = socketPath;
    this.process = child;
    child.stdout?.on("data", (chunk) => {
      this.stdout += chunk;
    });
    child.stderr?.on("data", (chunk) => {
      this.stderr += chunk;
    });
  }

  post(path: string, body: unknown, { raw = false, method = "POST" } = {}): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const outgoing = request({ socketPath: this.#socketPath, path, method, agent: false }, async (response) => {
        response.setEncoding("utf8");
        let text = "";
        for await (const chunk of response) text += chunk;
        const contentLength = response.headers["content-length"];
        resolve({ status: response.statusCode ?? 0, body: text === "" ? "" : JSON.parse(text), contentLength });
      });
      outgoing.once("error", reject);
      outgoing.end(raw ? (body as string) : JSON.stringify(body));
    });
  }

  /** How many sentinels each stream has shown, once both have shown one: the answer may be read before them. */
  async sentinels(): Promise<[number, number]> {
    const deadline = Date.now() + 5_000;
    while (!(count(this.stdout) && count(this.stderr)) && Date.now() < deadline) await sleep(2);
    return [count(this.stdout), count(this.stderr)];
  }

  init(code: string, more: object = {}): Promise<Reply> {
    return this.post("/init", { value: { name: "test", main: "main", code, binary: false, ...more } });
  }

  run(value: unknown, more: object = {}): Promise<Reply> {
    return this.post("/run", { value, activation_id: "a".repeat(32), deadline: "1785950060123", ...more });
  }
}

/** A runtime without a container around it; the bundled one of Node.js unless another command is given. */
export async function startRuntime(
  t: TestContext,
  command: readonly string[] = [process.execPath, bundledRuntimeFile],
  environment: Readonly<Record<string, string>> = {},
): Promise<Runtime> {
  assert.ok(existsSync(bundledRuntimeFile), "The runtime is not bundled: npm run build comes first.");
  const folder = await mkdtemp(join(tmpdir(), "owh-test-"));
  const socketPath = join(folder, "s");
  const own = { PATH: dirname(process.execPath), HOME: folder, __OW_API_HOST: "http://127.0.0.1:3233", [SOCKET_VARIABLE]: socketPath };
  const env = { ...own, ...environment };
  const child = spawn(String(command[0]), command.slice(1), { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(async () => {
    child.kill("SIGKILL");
    await rm(folder, { recursive: true, force: true });
  });
  const deadline = Date.now() + 20_000;
  while (!(await listens(socketPath))) {
    assert.ok(Date.now() < deadline, "The runtime does not listen.");
    await sleep(5);
  }
  return new Runtime(socketPath, child);
}

function listens(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export async function runtimeWith(t: TestContext, code: string, more: object = {}): Promise<Runtime> {
  const runtime = await startRuntime(t);
  assert.deepEqual((await runtime.init(code, more)).body, { OK: true });
  return runtime;
}

const count = (text: string) => text.split("\n").filter((line) => line === SENTINEL).length;
const UNIX = 3;

/** Base64 of a zip; with a mode, the file is stored as Unix archivers do. */
export function archive(files: Readonly<Record<string, string | readonly [text: string, mode: number]>>): string {
  const entries = Object.entries(files).map(([name, file]): [string, Zippable[string]] => {
    if (typeof file === "string") return [name, strToU8(file)];
    return [name, [strToU8(file[0]), { os: UNIX, attrs: (0o100000 | file[1]) << 16 }]];
  });
  return Buffer.from(zipSync(Object.fromEntries(entries))).toString("base64");
}
