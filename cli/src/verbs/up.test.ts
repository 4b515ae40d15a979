/** `harvest up` as a process of its own, from its first line to its last. */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import openwhisk from "openwhisk";

const HARVEST = fileURLToPath(new URL("../../bin/harvest.js", import.meta.url));
const dataDir = mkdtempSync(join(tmpdir(), "harvest-up-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));

/** So that several run at once on a small host. */
const CHEAP = { cpu: 0.25 };

interface Up {
  readonly child: ChildProcess;
  readonly lines: string[];
  readonly complaints: () => string;
}

/** Resolves when a line that begins so has been printed. */
async function up(until: string, ...flags: string[]): Promise<Up> {
  const child = spawn(process.execPath, [HARVEST, "up", "--port", "0", "--data-dir", dataDir, ...flags], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: string[] = [];
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaints += text;
  });
  await new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      lines.push(line);
      if (line.startsWith(until)) resolve();
    });
    child.once("exit", (code) => reject(new Error(`harvest up ended with ${code}: ${complaints}`)));
  });
  return { child, lines, complaints: () => complaints };
}

async function stop({ child }: Up, signal: NodeJS.Signals): Promise<number | null> {
  const exited = once(child, "exit");
  child.kill(signal);
  return (await exited)[0] as number | null;
}

test("the first start says one line per component and the guest's key, a later one keeps it to itself", async () => {
  const first = await up("new key");
  const components = [
    "redis",
    "documents",
    "sidecar",
    "openwhisk",
    "enforcement",
    ...(process.getuid?.() === 0 ? [] : ["warning"]),
    "keys",
    "new key",
  ];
  assert.deepEqual(
    first.lines.map((line) => line.slice(0, 12).trimEnd()),
    components,
  );
  const { auth, apihost } = JSON.parse(readFileSync(join(dataDir, "stack.json"), "utf8"));
  assert.equal(statSync(join(dataDir, "stack.json")).mode & 0o777, 0o600);
  assert.match(first.lines.at(-1) ?? "", new RegExp(`^new key +${auth} `));
  assert.equal(new URL(apihost).hostname, "127.0.0.1");
  assert.equal(await stop(first, "SIGINT"), 0);
  assert.equal(existsSync(join(dataDir, "stack.json")), false);
  const second = await up("keys");
  assert.equal(await stop(second, "SIGTERM"), 0);
  assert.doesNotMatch(second.lines.join("\n"), /new key/);
  const secret = auth.split(":")[1];
  for (const { complaints } of [first, second]) assert.equal(complaints().includes(secret), false);
});

test("--json says all addresses in one line, and a signal lets what runs come to its end", async () => {
  const running = await up("{", "--json");
  const { apihost, auth, redis, sidecar } = JSON.parse(running.lines[0] ?? "");
  for (const [name, url] of Object.entries({ apihost, redis, sidecar })) assert.ok(URL.canParse(url), name);
  const client = openwhisk({ apihost, api_key: auth });
  const slow = "const main = () => new Promise((done) => setTimeout(() => done({ ended: true }), 1500))";
  await client.actions.create({ name: "slow", action: slow, annotations: CHEAP });
  const answer = client.actions.invoke({ name: "slow", blocking: true, result: true });
  await untilItRuns(client);
  assert.equal(await stop(running, "SIGTERM"), 0);
  assert.deepEqual(await answer, { ended: true });
  assert.equal(running.lines.length, 1);
});

test("a second signal cuts off what runs, and leaves nothing behind", async () => {
  const running = await up("keys");
  const { apihost, auth } = JSON.parse(readFileSync(join(dataDir, "stack.json"), "utf8"));
  const client = openwhisk({ apihost, api_key: auth });
  const never = "const main = () => new Promise(() => undefined)";
  await client.actions.update({ name: "never", action: never, annotations: CHEAP });
  const answer = client.actions.invoke({ name: "never", blocking: true }).catch((error: Error) => error);
  await untilItRuns(client);
  const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`owh-${running.child.pid}-`));
  assert.notDeepEqual(folders(), []);
  running.child.kill("SIGINT");
  const deadlineMs = performance.now() + 30_000;
  while (!running.lines.at(-1)?.startsWith("stopping") && performance.now() < deadlineMs)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(running.lines.at(-1), "stopping    waiting up to 60 s for 1 activations; Ctrl-C again ends them");
  assert.equal(existsSync(join(dataDir, "stack.json")), true, "it still answers");
  assert.equal(await stop(running, "SIGTERM"), 1);
  assert.equal(existsSync(join(dataDir, "stack.json")), false);
  assert.deepEqual(folders(), []);
  assert.notEqual(await answer, undefined);
});

/** An invocation that was sent before has been taken, as far as a client can tell: its connection was served first. */
async function untilItRuns(client: openwhisk.Client): Promise<void> {
  await client.actions.update({ name: "probe", action: "const main = () => ({})", annotations: CHEAP });
  await client.actions.invoke({ name: "probe", blocking: true });
}

test("prune deletes the records of a namespace that began before a moment", async () => {
  const running = await up("keys");
  try {
    const { apihost, auth } = JSON.parse(readFileSync(join(dataDir, "stack.json"), "utf8"));
    const run = promisify(execFile);
    const harvest = async (...words: string[]) =>
      (
        await run(process.execPath, [
          HARVEST,
          ...words,
          "--data-dir",
          dataDir,
          "--set",
          `openwhisk.apihost=${apihost}`,
          "--set",
          `openwhisk.auth=${auth}`,
        ])
      ).stdout;
    await harvest("invoke", "/whisk.system/utils/echo", "-p", "a=1");
    assert.deepEqual(JSON.parse(await harvest("prune", "--before", "1d", "--json")), { activations: 0 });
    const { activations } = JSON.parse(await harvest("prune", "--before", "2100-01-01", "--json"));
    assert.ok(activations >= 1);
    assert.equal(await harvest("prune", "--before", "2100-01-01"), "0 activation records deleted\n");
  } finally {
    assert.equal(await stop(running, "SIGTERM"), 0);
  }
});
