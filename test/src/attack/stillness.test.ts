/** stillness.S1: after its answer an action has no CPU, whatever it has left behind, and its next run is served as the first was. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { withoutControlGroups } from "@openwhisk-harvest/testkit/cgroup";
import { type HostileAction, hasPython, type Neighbours, startNeighbours } from "./neighbours.kit.js";

/** Where there are none, its processes cannot be found from outside. */
const skip = await withoutControlGroups();

const THREADS: HostileAction = {
  name: "threads",
  code: `const { Worker } = require('worker_threads'); let runs = 0;
    function main() { for (let i = 0; i < 3; i++) new Worker('for (;;);', { eval: true }); setInterval(() => { for (let i = 0; i < 1e8; i++); }, 1); return { runs: ++runs } }`,
};
const CHILDREN: HostileAction = {
  name: "children",
  code: `const { spawn } = require('child_process'); let runs = 0;
    async function main() {
      for (let i = 0; i < 3; i++) spawn('sh', ['-c', 'while :; do :; done'], { detached: true, stdio: 'ignore' });
      spawn('sh', ['-c', '(while :; do (:); done) & exit'], { stdio: 'ignore' });
      spawn('sh', ['-c', 'while :; do pkill -CONT node; kill -CONT ' + process.pid + '; done'], { detached: true, stdio: 'ignore' });
      return { runs: ++runs } }`,
};
const PYTHON: HostileAction = {
  name: "pythons",
  kind: "python:3",
  code: `import os, threading
runs = 0
def spin():
  while True: pass
def main(args):
  global runs
  runs += 1
  threading.Thread(target=spin, daemon=True).start()
  if os.fork() == 0: spin()
  return {"runs": runs}`,
};

let neighbours: Neighbours;
before(async () => {
  neighbours = await startNeighbours();
});
after(() => neighbours?.close());

const stateOf = (pid: number) => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
const nameOf = (pid: number) => /^Name:\s+(.*)$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? "";

/** The runtime is stopped, and all others wait: the guardian's shells, and nothing of the action's. */
async function isStill(action: string): Promise<boolean> {
  const pids = await neighbours.up.containers.processesOf(action);
  try {
    const runtimes = pids.filter((pid) => /^(?:node|python|MainThread)/.test(nameOf(pid)));
    const others = pids.filter((pid) => !runtimes.includes(pid));
    return (
      runtimes.length === 1 &&
      runtimes.every((pid) => stateOf(pid) === "T") &&
      others.every((pid) => stateOf(pid) === "S") &&
      others.length <= 4
    );
  } catch {
    return false; // one of them has gone since
  }
}

for (const action of [THREADS, CHILDREN, PYTHON])
  test(`what ${action.name} leave behind`, { skip: skip || (action === PYTHON && !hasPython && "no python3 here") }, async () => {
    assert.deepEqual(await neighbours.attack(action), { runs: 1 });
    await eventually(() => isStill(String(action.name)), "it is still");
    const worked = neighbours.up.containers.workWatch(String(action.name));
    await worked(); // from here on
    await neighbours.assertUnharmed();
    assert.equal(await worked(), false, "it worked while the neighbour did");
    assert.deepEqual(await neighbours.again(String(action.name)), { runs: 2 }, "it was warm, and goes on");
  });
