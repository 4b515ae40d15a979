/** What a data folder tells of the stack on it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readStack } from "./read-sources.js";

const dataDir = mkdtempSync(join(tmpdir(), "harvest-stack-file-"));
const file = join(dataDir, "stack.json");
after(() => rmSync(dataDir, { recursive: true, force: true }));

const leave = (pid: number) =>
  writeFileSync(
    file,
    JSON.stringify({ pid, apihost: "http://a", auth: "u:k", namespace: "guest", sidecar: "http://s", redis: "redis://r", dataDir }),
  );
const deadPid = () => spawnSync(process.execPath, ["--version"]).pid;

const reason = () => {
  const stack = readStack(dataDir);
  return "missing" in stack ? stack.missing : "";
};

test("no stack, a stack that died and a damaged file are told apart, each with what to do", () => {
  assert.match(reason(), /^no stack of `harvest up` runs in /);
  leave(deadPid());
  assert.match(reason(), /has died .*harvest up/);
  for (const text of ["", "{", "[]", '{"pid":1}']) {
    writeFileSync(file, text);
    assert.match(reason(), /is damaged: .*harvest up/);
  }
  leave(process.pid);
  const stack = readStack(dataDir);
  assert.equal("pid" in stack && stack.namespace, "guest");
});
