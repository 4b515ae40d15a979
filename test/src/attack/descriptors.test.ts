/** launcher.L1: an action holds its own streams and what it has opened itself, whichever way its container was started. */
import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { hasPython, type Neighbours, startNeighbours } from "./neighbours.kit.js";

const NODE = `function main() {
  const { readdirSync, readlinkSync } = require('fs');
  const links = readdirSync('/proc/self/fd').flatMap((fd) => { try { return [readlinkSync('/proc/self/fd/' + fd)] } catch { return [] } });
  return { links } }`;
const PYTHON = `import os
def main(args):
  links = []
  for fd in os.listdir("/proc/self/fd"):
    try: links.append(os.readlink("/proc/self/fd/" + fd))
    except OSError: pass
  return {"links": links}`;
/** As each child of an action has them, in which the runtime's own are closed. */
const CHILD = `function main() {
  const { execFileSync } = require('child_process');
  return { links: execFileSync('sh', ['-c', 'for fd in /proc/$$/fd/*; do readlink $fd; done; true'], { encoding: 'utf8' }).trim().split('\\n') } }`;
/** Streams are socket pairs; the rest is the event loop's. */
const HARMLESS = /^(?:socket:|pipe:|anon_inode:|\/dev\/null$|\/dev\/u?random$|\/proc\/)/;

const ACTIONS: readonly (readonly [string, string, string])[] = [
  ["nodejs", "nodejs:20", NODE],
  ...(hasPython ? [["python", "python:3", PYTHON] as const] : []),
  ["a child of nodejs", "nodejs:20", CHILD],
];

let neighbours: Neighbours;
before(async () => {
  neighbours = await startNeighbours([`standalone.prewarm=nodejs:20/256=1${hasPython ? ",python:3/256=1" : ""}`]);
});
after(() => neighbours.close());

/** Twice: the first may be a container that was ready, the second is one that was started since. */
async function attackAll(): Promise<void> {
  for (const [what, kind, code] of [...ACTIONS, ...ACTIONS]) {
    const seen = await neighbours.attack({ kind, code });
    assert.ok(Array.isArray(seen["links"]), `${what}: ${JSON.stringify(seen)}`);
    assert.deepEqual(
      seen["links"].filter((link: string) => !HARMLESS.test(link)),
      [],
      what,
    );
    await neighbours.assertUnharmed(seen);
  }
}

test("the server has its stores open, in this very process", () => {
  const links = readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the listing
    }
  });
  assert.ok(links.some((link) => link.endsWith(".mdb")));
});

test("no container has any of it: nodejs and python, ready ones and new ones", attackAll);

test("nor has one that is started after Redis was", async () => {
  const { redis } = neighbours.up.stack;
  const before = redis?.pid();
  redis?.kill("SIGKILL");
  await eventually(() => redis?.pid() !== undefined && redis.pid() !== before, "Redis is back");
  await attackAll();
});
