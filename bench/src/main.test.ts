import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { BENCHES } from "./benches.js";
import { eachApart } from "./each-apart.js";

test("a bench that breaks or lacks something here costs no other its turn", () => {
  const statuses: Record<string, number | null> = { bus: 2, decision: 0, monitor: 1, oracle: null, placement: 0 };
  const ran: string[] = [];
  const result = eachApart(Object.keys(statuses), (name) => {
    ran.push(name);
    return statuses[name] ?? null;
  });
  assert.deepEqual(ran, Object.keys(statuses));
  assert.deepEqual(result, { broken: ["monitor", "oracle"], skipped: ["bus"] });
});

test("a name or an option that is none is refused, with those that there are", () => {
  const main = fileURLToPath(new URL("./main.js", import.meta.url));
  const { status, stderr, stdout } = spawnSync(process.execPath, [main, "decison", "--wirte"], { encoding: "utf8" });
  assert.deepEqual([status, stdout], [1, ""]);
  assert.match(stderr, /unknown: decison --wirte/);
  for (const name of Object.keys(BENCHES)) assert.ok(stderr.includes(name), name);
});
