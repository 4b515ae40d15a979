/** Containers as processes, with the way of enforcing limits that this host has. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { detectEnforcement, type Enforcer } from "@openwhisk-harvest/cgroup";
import { isAlive } from "@openwhisk-harvest/core";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import type { Container, ContainerDriver } from "./driver.js";
import { offeredKind, RUNTIME_FILES } from "./kinds.js";
import { kernelLimitsMemory } from "./memory-watch.js";
import { createProcessDriver } from "./process-driver.js";
import { hostPid, innerPid } from "./process-ids.kit.js";

const LIMITS = { timeoutMs: 20_000, maxResponseBytes: 1 << 20 };
const MB = 1 << 20;
const logger = new RecordingLogger();
let enforcer: Enforcer;
let driver: ContainerDriver;
let workDir: string;

before(async () => {
  workDir = await mkdtemp(join(tmpdir(), "owh-t"));
  await chmod(workDir, 0o711);
  enforcer = await detectEnforcement();
  driver = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "w") });
});
after(async () => {
  await driver.close();
  await enforcer.close();
  assert.deepEqual(await readdir(join(workDir, "w")), [], "the driver leaves nothing behind");
  await rm(workDir, { recursive: true });
});

async function containerWith(
  code: string,
  spec: { memoryLimitMb?: number; environment?: Record<string, string> } = {},
): Promise<Container> {
  const container = await driver.create({ name: "guest/hello world", kind: "nodejs:20", memoryLimitMb: 256, environment: {}, ...spec });
  const { outcome } = await container.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
  assert.equal(outcome.type, "answer");
  return container;
}

async function resultOf(container: Container, value: object = {}): Promise<Record<string, unknown>> {
  const { outcome } = await container.run({ value }, LIMITS);
  assert.ok(outcome.type === "answer", `no answer but ${outcome.type}`);
  return JSON.parse(outcome.body);
}

test("a container has its own environment and folder, and nothing of the server's", async () => {
  process.env["SERVER_SECRET"] = "1";
  const container = await containerWith(
    "function main() { return { env: process.env, cwd: process.cwd(), tmp: require('os').tmpdir() } }",
    {
      environment: { __OW_API_HOST: "http://127.0.0.1:3233" },
    },
  );
  delete process.env["SERVER_SECRET"];
  const { env, cwd, tmp } = (await resultOf(container)) as { env: Record<string, string>; cwd: string; tmp: string };
  assert.deepEqual(Object.keys(env).sort(), ["HOME", "PATH", "PWD", "TMPDIR", "__OW_API_HOST"]);
  assert.equal(env["__OW_API_HOST"], "http://127.0.0.1:3233");
  assert.deepEqual([env["HOME"], tmp], [cwd, driver.walled ? "/tmp" : cwd]);
  assert.equal((await stat(cwd)).mode & 0o777, 0o700);
  assert.match(container.name, /^wsk\d+_guesthelloworld$/);
  await container.destroy();
  assert.equal(existsSync(cwd), false);
});

test("as root, every container has an unprivileged user of its own, which can neither read nor signal another", {
  skip: process.getuid?.() === 0 ? false : "only root can change users",
}, async () => {
  const code = `function main({ read, kill }) {
    const attempt = (act) => { try { act(); return 'done' } catch (e) { return e.code } };
    return { uid: process.getuid(), gid: process.getgid(), groups: process.getgroups(), pid: process.pid, home: process.env.HOME,
             read: read && attempt(() => require('fs').readdirSync(read)), kill: kill && attempt(() => process.kill(kill, 0)) } }`;
  const [one, other] = [await containerWith(code), await containerWith(code)];
  const first = await resultOf(one);
  const second = await resultOf(other, { read: first["home"], kill: hostPid(one.group, Number(first["pid"])) });
  assert.ok(Number(first["uid"]) > 60_000 && first["uid"] === first["gid"]);
  assert.deepEqual(first["groups"], [first["gid"]]);
  assert.notEqual(first["uid"], second["uid"]);
  assert.deepEqual([second["read"], second["kill"]], ["ENOENT", "ESRCH"]);
  await Promise.all([one.destroy(), other.destroy()]);
  const third = await containerWith(code);
  assert.equal((await resultOf(third))["uid"], first["uid"], "users are given out again");
  await third.destroy();
});

test("its processes, children included, are in its group, and none outlives it", async () => {
  const container = await containerWith(`function main() {
    const { spawn } = require('child_process');
    const child = spawn('sleep', ['1000']);
    const stray = spawn('sleep', ['1000'], { detached: true, stdio: 'ignore' });
    return { pids: [process.pid, child.pid, stray.pid] } }`);
  const { pids: inner } = (await resultOf(container)) as { pids: number[] };
  const pids = inner.map((pid) => hostPid(container.group, pid));
  await container.destroy();
  await container.destroy(); // a second call changes nothing
  await eventually(() => !pids.some(isAlive), "all processes are gone");
  assert.equal(container.alive, false);
});

test("a run that takes too long is a timeout; killing it ends even an endless loop", async () => {
  const container = await containerWith("function main() { while (true); }");
  const { outcome, startMs, endMs } = await container.run({ value: {} }, { ...LIMITS, timeoutMs: 200 });
  assert.deepEqual(outcome, { type: "timeout" });
  assert.ok(endMs - startMs >= 199 && endMs - startMs < 5_000);
  await container.kill();
  assert.deepEqual(container.group.processes(), []);
  await container.destroy();
});

test("a process that ends is no answer, at once", async () => {
  for (const ending of [
    "process.exit(0)",
    "process.abort()",
    "setTimeout(() => { throw new Error('later') }); return new Promise(() => {})",
  ]) {
    const container = await containerWith(`function main() { ${ending} }`);
    assert.deepEqual((await container.run({ value: {} }, LIMITS)).outcome, { type: "no-answer" });
    await eventually(() => !container.alive, "its end is noticed");
    await container.destroy();
  }
});

test("a function over its memory limit is killed and known as such; one below it is not", async () => {
  const fill =
    "function main({ mb }) { const kept = []; for (let i = 0; i < mb; i++) kept.push(Buffer.alloc(1 << 20, 1)); return { mb: kept.length } }";
  const within = await containerWith(fill, { memoryLimitMb: 256 });
  assert.deepEqual(await resultOf(within, { mb: 100 }), { mb: 100 });
  await within.destroy();
  const beyond = await containerWith(fill, { memoryLimitMb: 128 });
  assert.deepEqual((await beyond.run({ value: { mb: 2_000 } }, LIMITS)).outcome, { type: "memory-exhausted" });
  await beyond.destroy();
});

test("V8's own limit counts as the container's", async () => {
  const container = await containerWith(
    "function main() { require('v8').setFlagsFromString('--max-old-space-size=30'); const a = []; for (;;) a.push({ n: a.length, s: 'x' + a.length }) }",
  );
  assert.deepEqual((await container.run({ value: {} }, LIMITS)).outcome, { type: "memory-exhausted" });
  await container.destroy();
});

test("a child that is killed for its memory does not make a later end of the function one for want of memory", {
  skip: !["cgroup-v1", "cgroup-v2"].includes((await detectedOnce()).enforcement) && "no control groups here",
}, async () => {
  const container = await containerWith(
    `function main({ exit }) { if (exit) process.exit(1);
       const { status, signal } = require('child_process').spawnSync(process.execPath, ['-e', 'const a=[]; for(;;) a.push(Buffer.alloc(1<<20,1))']);
       return { signal } }`,
    { memoryLimitMb: 160 },
  );
  assert.deepEqual(await resultOf(container), { signal: "SIGKILL" });
  assert.deepEqual((await container.run({ value: { exit: true } }, LIMITS)).outcome, { type: "no-answer" });
  await container.destroy();
});

test("limits can be changed while it lives, and the group says so", {
  skip: !["cgroup-v1", "cgroup-v2"].includes((await detectedOnce()).enforcement) && "no control groups here",
}, async () => {
  const container = await containerWith("function main() { return {} }");
  assert.deepEqual(container.group.limits(), { memoryMb: 256 });
  await container.setMemoryLimit(300);
  await container.setCpuCores(0.25);
  assert.deepEqual(container.group.limits(), { cpuCores: 0.25, memoryMb: 300 });
  await container.destroy();
});

test("where no kernel limits memory, the watch ends a container over its limit", async () => {
  const unenforced = await detectEnforcement({ allow: ["none"] });
  assert.equal(kernelLimitsMemory(unenforced.enforcement), false);
  const plain = await createProcessDriver({ enforcer: unenforced, logger, workDir: join(workDir, "n") });
  const container = await plain.create({ name: "fill", kind: "nodejs:20", memoryLimitMb: 128, environment: {} });
  const code =
    "const sleep = (ms) => new Promise((ok) => setTimeout(ok, ms)); async function main() { const a = []; for (;;) { a.push(Buffer.alloc(8 << 20, 1)); await sleep(5) } }";
  await container.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
  assert.deepEqual((await container.run({ value: {} }, LIMITS)).outcome, { type: "memory-exhausted" });
  await plain.close();
  await unenforced.close();
});

test("a too long answer comes cut, with its full length", async () => {
  const container = await containerWith("function main({ n }) { return { x: 'y'.repeat(n) } }");
  const { outcome } = await container.run({ value: { n: 2 * MB } }, { ...LIMITS, maxResponseBytes: MB });
  assert.ok(outcome.type === "answer");
  assert.deepEqual([outcome.body.length, outcome.truncated], [MB, { lengthBytes: 2 * MB + 8, maxBytes: MB }]);
  assert.equal(String((await resultOf(container, { n: 3 }))["x"]), "yyy", "the connection is of use afterwards");
  await container.destroy();
});

test("python runs in the same way: its own group, logs, exits, memory kills and timeouts", {
  skip: offeredKind("python:3") ? false : "no python3 here",
}, async () => {
  const pythonWith = async (code: string, memoryLimitMb = 128) => {
    const container = await driver.create({ name: "py", kind: "python:default", memoryLimitMb, environment: { __OW_API_HOST: "x" } });
    const { outcome } = await container.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
    assert.equal(outcome.type, "answer");
    return container;
  };
  const plain = await pythonWith(`import os, sys
def main(args):
  print("out"); print("err", file=sys.stderr)
  return {"pid": os.getpid(), "env": sorted(k for k in os.environ if not k.startswith("LC_")), "uid": os.getuid()}`);
  const { pid, env, uid } = await resultOf(plain);
  assert.ok(hostPid(plain.group, Number(pid)));
  assert.deepEqual(env, ["HOME", "PATH", "PWD", "TMPDIR", "__OW_API_HOST"]);
  assert.equal(Number(uid) > 60_000, process.getuid?.() === 0);
  const logs = await plain.collectLogs(MB);
  assert.deepEqual(
    logs.text
      .lines()
      .map((line) => line.slice(31))
      .sort(),
    ["stderr: err", "stdout: out"],
  );
  assert.deepEqual([logs.incomplete, logs.truncated], [false, false]);
  const fill = "def main(args):\n  kept = []\n  while True: kept.append(bytearray(b'x' * (1 << 20)))";
  const endings: [string, string][] = [
    ["import os\ndef main(args): os._exit(0)", "no-answer"],
    ["import os\ndef main(args): os.kill(os.getpid(), 9)", "no-answer"],
    ["def main(args):\n  while True: pass", "timeout"],
    [fill, "memory-exhausted"],
  ];
  for (const [code, expected] of endings) {
    const container = await pythonWith(code);
    const limits = { ...LIMITS, timeoutMs: expected === "timeout" ? 300 : 20_000 };
    assert.deepEqual((await container.run({ value: {} }, limits)).outcome, { type: expected }, code);
    await container.destroy();
  }
  await plain.destroy();
});

test("a kind that is not offered, and an image, are clear errors", async () => {
  for (const kind of ["ruby:2.5", "blackbox"])
    await assert.rejects(driver.create({ name: "x", kind, memoryLimitMb: 128, environment: {} }), {
      code: "OWH_CHILD_FAILED",
      message: new RegExp(`Kind ${kind} cannot be run as a process of this host`),
    });
});

test("two servers on one host give their containers different users", {
  skip: process.getuid?.() === 0 ? false : "only root can change users",
}, async () => {
  const second = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "w2") });
  const code = "function main() { return { uid: process.getuid() } }";
  const ours = await containerWith(code);
  const theirs = await second.create({ name: "t", kind: "nodejs:20", memoryLimitMb: 128, environment: {} });
  await theirs.initialize({ value: { name: "t", main: "main", code, binary: false } }, LIMITS);
  assert.notDeepEqual(await resultOf(ours), await resultOf(theirs));
  await ours.destroy();
  await second.close();
});

test("what leaves its session and its parent is still in the group, and is killed with it", {
  skip: !["cgroup-v1", "cgroup-v2"].includes((await detectedOnce()).enforcement) && "no control groups here",
}, async () => {
  const container = await containerWith(`async function main() {
    const { spawn } = require('child_process'); const fs = require('fs');
    fs.writeFileSync('stray.sh', 'echo $$ > stray; exec sleep 1000');
    spawn('sh', ['-c', 'setsid sh stray.sh & exit 0'], { stdio: 'ignore' });
    while (!fs.existsSync('stray') || !fs.readFileSync('stray', 'utf8')) await new Promise((ok) => setTimeout(ok, 5));
    return { stray: Number(fs.readFileSync('stray', 'utf8')) } }`);
  const { stray: inner } = (await resultOf(container)) as { stray: number };
  const stray = hostPid(container.group, inner);
  const [, parent, , session] = (readFileSync(`/proc/${stray}/stat`, "utf8").split(") ")[1] ?? "").split(" ");
  assert.equal(session, String(stray), "it leads a session of its own");
  const formerParent = container.group.processes().find((pid) => pid === Number(parent)); // init of its namespace takes it
  assert.ok(formerParent === undefined || innerPid(formerParent) === 1, "and its parent has left it");
  assert.ok(container.group.processes().includes(stray));
  await container.kill();
  await eventually(() => !isAlive(stray), "it is gone");
  await container.destroy();
});

for (const victim of ["runtime", "guardian"] as const)
  test(`kill -9 of the ${victim} in the middle of a run is no answer, at once, and nothing of the container is left`, async () => {
    const container = await containerWith(
      `async function main() { require('child_process').spawn('sleep', ['1000']);
         require('fs').writeFileSync('running', String(process.pid)); return new Promise(() => setInterval(() => {}, 1000)) }`,
    );
    const started = container.group.processes();
    const guardian = Math.min(...started); // the first of its processes
    const folder = homeOf(guardian);
    const call = container.run({ value: {} }, LIMITS);
    await eventually(() => existsSync(join(folder, "running")) && readFileSync(join(folder, "running"), "utf8") !== "", "it runs");
    const runtime = hostPid(container.group, Number(readFileSync(join(folder, "running"), "utf8")));
    const all = container.group.processes();
    const startMs = performance.now();
    process.kill(victim === "runtime" ? runtime : guardian, "SIGKILL");
    assert.deepEqual((await call).outcome, { type: "no-answer" });
    assert.ok(performance.now() - startMs < 10_000, "long before the time limit");
    await eventually(() => !container.alive, "its end is noticed");
    await container.destroy();
    await eventually(() => !all.some(isAlive), "all its processes are gone");
    assert.equal(existsSync(folder), false);
  });

test("a runtime that does not start is a clear error, and leaves nothing", async () => {
  const runtimeFile = join(workDir, "broken.cjs");
  await writeFile(runtimeFile, "console.error('cannot start'); process.exit(7)");
  const broken = await createProcessDriver({
    enforcer,
    logger,
    workDir: join(workDir, "b"),
    runtimeFiles: { ...RUNTIME_FILES, nodejs: runtimeFile },
  });
  await assert.rejects(broken.create({ name: "x", kind: "nodejs:20", memoryLimitMb: 128, environment: {} }), {
    code: "OWH_CHILD_FAILED",
    message: /cannot start/,
  });
  const [folder] = await readdir(join(workDir, "b"));
  assert.deepEqual((await readdir(join(workDir, "b", String(folder)))).sort(), ["broken.cjs", "runtime.py"]);
  await broken.close();
  await assert.rejects(broken.create({ name: "x", kind: "nodejs:20", memoryLimitMb: 128, environment: {} }), {
    code: "OWH_CHILD_FAILED",
    message: /closed/,
  });
});

test("a driver that is closed while it starts a container keeps none", async () => {
  const short = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "c") });
  const starting = assert.rejects(short.create({ name: "late", kind: "nodejs:20", memoryLimitMb: 128, environment: {} }), {
    code: "OWH_CHILD_FAILED",
  });
  await short.close();
  await starting;
  assert.deepEqual(await readdir(join(workDir, "c")), []);
});

test("a working folder too deep for a socket is refused", async () => {
  const deep = await createProcessDriver({ enforcer, logger, workDir: join(workDir, "d".repeat(90)) });
  await assert.rejects(deep.create({ name: "x", kind: "nodejs:20", memoryLimitMb: 128, environment: {} }), /too long for a socket/);
  await deep.close();
});

test("guardian.G2: kill -9 of the server ends its containers, and the next driver removes their folders", async () => {
  const script = `
    const { detectEnforcement } = await import(${JSON.stringify(import.meta.resolve("@openwhisk-harvest/cgroup"))});
    const { createProcessDriver } = await import(${JSON.stringify(new URL("./process-driver.js", import.meta.url).href)});
    const logger = { debug() {}, info() {}, warn() {}, error() {} };
    const driver = await createProcessDriver({ enforcer: await detectEnforcement(), logger, workDir: process.argv[1] });
    const c = await driver.create({ name: "loop", kind: "nodejs:20", memoryLimitMb: 128, environment: {} });
    const limits = { timeoutMs: 60000, maxResponseBytes: 1000 };
    await c.initialize({ value: { name: "t", main: "main", code: "function main() { require('fs').writeFileSync('pid', String(process.pid)); for (;;); }" } }, limits);
    c.run({ value: {} }, limits);`;
  const shared = join(workDir, "k");
  const server = spawn(process.execPath, ["--input-type=module", "-e", script, shared], { stdio: ["ignore", "ignore", "inherit"] });
  const pidFile = () => findFile(shared, "pid");
  await eventually(async () => (await pidFile()) !== undefined, "the endless loop runs");
  const pid = runtimeAt(dirname(String(await pidFile())));
  assert.ok(isAlive(pid));
  server.kill("SIGKILL");
  await eventually(() => !isAlive(pid) && !isAlive(Number(server.pid)), "the endless loop and its server are gone");
  const next = await createProcessDriver({ enforcer, logger, workDir: shared });
  assert.equal((await readdir(shared)).length, 1);
  await next.close();
});

test("nothing above was complained about", () => {
  assert.deepEqual(logger.complaints, []);
});

/** Of the container whose guardian this is. */
function homeOf(guardian: number): string {
  const folder = readlinkSync(`/proc/${guardian}/cwd`);
  return existsSync(join(folder, "home")) ? join(folder, "home") : folder;
}

/** The process of Node.js that runs in this folder. */
function runtimeAt(folder: string): number {
  const found = readdirSync("/proc").find(
    (pid) => /^\d+$/.test(pid) && linkOf(`/proc/${pid}/cwd`) === folder && linkOf(`/proc/${pid}/exe`) === realpathSync(process.execPath),
  );
  return Number(found ?? assert.fail(`nothing runs in ${folder}`));
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // the process has ended
  }
}

async function findFile(folder: string, name: string): Promise<string | undefined> {
  if (!existsSync(folder)) return undefined;
  const found = (await readdir(folder, { recursive: true })).find((path) => path.endsWith(`/${name}`));
  return found && readFileSync(join(folder, found), "utf8") !== "" ? join(folder, found) : undefined;
}

async function detectedOnce(): Promise<Enforcer> {
  const detected = await detectEnforcement();
  await detected.close();
  return detected;
}
