/** What a data folder does not let happen to the stack on it. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig } from "@openwhisk-harvest/core";
import { FolderLock } from "@openwhisk-harvest/stores";
import pino from "pino";
import { startStack } from "./stack.js";
import { removeStackFile } from "./stack-file.js";

const dataDir = mkdtempSync(join(tmpdir(), "harvest-stack-file-"));
const file = join(dataDir, "stack.json");
after(() => rmSync(dataDir, { recursive: true, force: true }));

const leave = (pid: number) =>
  writeFileSync(
    file,
    JSON.stringify({ pid, apihost: "http://a", auth: "u:k", namespace: "guest", sidecar: "http://s", redis: "redis://r", dataDir }),
    { mode: 0o600 },
  );

test("no stack takes the file of another away", () => {
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
    logger: pino({ level: "silent" }),
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
