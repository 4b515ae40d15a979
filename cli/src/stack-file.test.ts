/** What a data folder tells of the stack on it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readStackFile } from "./stack-file.js";

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
