import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { isAlive } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { type GuardedProcess, Launcher } from "./launcher.js";

const shell = (script: string) => ({
  command: ["/bin/sh", "-c", script],
  cwd: tmpdir(),
  environment: { PATH: "/usr/bin:/bin" },
  hasOwnUser: false,
});

async function textOf(stream: GuardedProcess["stdout"]): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += chunk;
  return text;
}

const childrenOf = (pid: number) =>
  execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(pid)], { encoding: "utf8" })
    .split("\n")
    .filter((line) => line.includes("launcher/process.js"))
    .map((line) => Number.parseInt(line, 10));

test("guardian.G1, guardian.G4: nothing runs before its release; its streams and its exit code are the server's", async () => {
  const launcher = new Launcher();
  const guarded = await launcher.launch(shell("echo out; echo err >&2; exit 7"));
  guarded.release();
  assert.deepEqual(await Promise.all([textOf(guarded.stdout), textOf(guarded.stderr), guarded.exited]), ["out\n", "err\n", 7]);
  guarded.kill(); // of no effect any more
  await launcher.close();
});

test("launcher.L1: a container has its three streams and nothing else", async () => {
  const launcher = new Launcher();
  const guarded = await launcher.launch(shell("ls /proc/$$/fd"));
  guarded.release();
  assert.equal((await textOf(guarded.stdout)).trim(), "0\n1\n2");
  await launcher.close();
});

test("what cannot be started is an error, and the launcher goes on", async () => {
  const launcher = new Launcher();
  await assert.rejects(launcher.launch({ ...shell("exit 0"), cwd: "/nonexistent" }), /ENOENT/);
  const guarded = await launcher.launch(shell("exit 0"));
  guarded.release();
  assert.equal(await guarded.exited, 0);
  await launcher.close();
});

test("launcher.L4: kill -9 of the launcher ends its containers, and the next one is started by another", async () => {
  const launcher = new Launcher();
  const guarded = await launcher.launch(shell("exec sleep 1000"));
  for (const stream of [guarded.stdout, guarded.stderr]) stream.resume(); // as their collector does
  guarded.release();
  const [first] = childrenOf(process.pid);
  assert.ok(first);
  process.kill(first, "SIGKILL");
  assert.equal(await guarded.exited, undefined);
  await eventually(() => !isAlive(guarded.pid), "its guardian is gone");
  const next = await launcher.launch(shell("exit 0"));
  next.release();
  assert.equal(await next.exited, 0);
  assert.notDeepEqual(childrenOf(process.pid), [first]);
  await launcher.close();
  await eventually(() => childrenOf(process.pid).length === 0, "no launcher is left");
});

test("launcher.L3: it ends also when it is closed while containers are being handed over", async () => {
  for (let round = 0; round < 20; round++) {
    const launcher = new Launcher();
    const launches = Array.from({ length: 8 }, () => launcher.launch(shell("exec sleep 1000")));
    const all = Promise.allSettled(launches);
    if (round % 2 === 1) await launches[0];
    await launcher.close();
    for (const launch of await all)
      if (launch.status === "fulfilled") await eventually(() => !isAlive(launch.value.pid), "its guardian is gone");
  }
  await eventually(() => childrenOf(process.pid).length === 0, "no launcher is left");
});
