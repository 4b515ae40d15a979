/** What a data folder tells of the stack on it, and what it does not let happen. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "@openwhisk-harvest/core";
import { FolderLock } from "@openwhisk-harvest/stores";
import { startStack } from "./stack.js";
import { readStackFile, removeStackFile } from "./stack-file.js";
import { loggerFor } from "./verbs/options.js";

const dataDir = mkdtempSync(join(tmpdir(), "harvest-stack-file-"));
const file = join(dataDir, "stack.json");
after(() => rmSync(dataDir, { recursive: true, force: true }));

const leave = (pid: number) =>
  writeFileSync(
    file,
    JSON.stringify({ pid, apihost: "http://a", auth: "u:k", namespace: "guest", sidecar: "http://s", redis: "redis://r", dataDir }),
  );
const deadPid = () => spawnSync(process.execPath, ["--version"]).pid;

test("no stack, a stack that died and a damaged file are told apart, each with what to do", () => {
  assert.throws(() => readStackFile(dataDir), { code: "OWH_NOT_FOUND", message: /No running stack .*harvest up/ });
  leave(deadPid());
  assert.throws(() => readStackFile(dataDir), { code: "OWH_NOT_FOUND", message: /has died .*harvest up/ });
  for (const text of ["", "{", "[]", '{"pid":1}']) {
    writeFileSync(file, text);
    assert.throws(() => readStackFile(dataDir), { code: "OWH_NOT_FOUND", message: /is damaged: .*harvest up/ });
  }
  leave(process.pid);
  assert.equal(readStackFile(dataDir).namespace, "guest");
});

test("nobody takes the file of another stack away", () => {
  leave(process.ppid);
  removeStackFile(dataDir);
  assert.equal(existsSync(file), true);
  leave(process.pid);
  removeStackFile(dataDir);
  assert.equal(existsSync(file), false);
  removeStackFile(dataDir);
});

const start = (folder: string) =>
  startStack({
    config: loadConfig({
      environment: {},
      flags: [`dataDir=${folder}`, "redis.url=redis://127.0.0.1:1", "redis.composerUrl=redis://127.0.0.1:1"],
    }),
    logger: loggerFor("silent"),
  });

test("a second stack on the same folder is refused, also with a Redis by URL", async () => {
  const lock = await FolderLock.take(dataDir);
  try {
    await assert.rejects(start(dataDir), {
      code: "OWH_CHILD_FAILED",
      message: new RegExp(`${dataDir} is in use by process ${process.pid}`),
    });
  } finally {
    lock.release();
  }
});

test("a data folder that cannot be is told at once", async () => {
  for (const folder of ["/proc/nope", "/proc/nope/deeper", "/etc/passwd", "/etc/passwd/x"])
    await assert.rejects(start(folder), { code: "OWH_BAD_CONFIG", message: new RegExp(`^dataDir: ${folder} is no folder`) });
});
