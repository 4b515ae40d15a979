/** What becomes of python activations: the rows of openwhisk-protocol, 4.2, with real containers. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { detectEnforcement, type Enforcer } from "@openwhisk-harvest/cgroup";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import type { ContainerDriver } from "../container/driver.js";
import { offeredKind } from "../container/kinds.js";
import { createProcessDriver } from "../container/process-driver.js";
import type { ActivationRecord, Invoker } from "../messages.js";
import { archive } from "../runtime/runtime.kit.js";
import { createInvoker } from "./invoker.js";
import { GRID, type MessageParts, messageOf, userTerms } from "./messages.kit.js";

const skip = offeredKind("python:3") ? false : "no python3 from 3.8 on here";
const DEVELOPER_LINE = "stderr: The action did not initialize or run as expected. Log data might be missing.";
const logger = new RecordingLogger();
let enforcer: Enforcer;
let driver: ContainerDriver;
let invoker: Invoker;

before(async () => {
  enforcer = await detectEnforcement();
  driver = await createProcessDriver({ enforcer, logger });
  const bounds = { apiHost: "http://127.0.0.1:3233", idleContainerMs: 60_000, payloadMaxBytes: 1_048_576 };
  const sampling = { periodMs: 20, windowMs: 100 };
  invoker = createInvoker({ ...bounds, grid: GRID, id: 0, capacity: { cpuCores: 1.75, memoryMb: 1024 }, driver, sampling, logger });
});
after(async () => {
  await invoker.close();
  await driver.close();
  await enforcer.close();
});

async function run(parts: MessageParts): Promise<{ record: ActivationRecord; warm: boolean }> {
  const message = messageOf({ kind: "python:3", ...parts });
  const record = await invoker.run(message, userTerms(message));
  return { record, warm: invoker.hasWarmContainer(message) };
}

const userLines = ({ logs }: ActivationRecord) => logs.filter((line) => !line.includes("XHARVEST")).map((line) => line.slice(31));

test("python: a cold, then a warm activation, with its lines and its environment", { skip }, async () => {
  const code = `import os, sys
n = 0
def main(args):
  global n; n += 1
  print("run", n); print("oops", file=sys.stderr)
  return {"n": n, "args": args, "host": os.environ["__OW_API_HOST"], "name": os.environ["__OW_ACTION_NAME"]}`;
  const { record } = await run({ code, content: { a: 1 } });
  assert.deepEqual(record.response.result, { n: 1, args: { a: 1 }, host: "http://127.0.0.1:3233", name: "/guest/hello" });
  assert.deepEqual(userLines(record).sort(), ["stderr: oops", "stdout: run 1"]);
  const again = await run({ code });
  assert.equal((again.record.response.result as { n: number }).n, 2);
  assert.deepEqual(userLines(again.record).sort(), ["stderr: oops", "stdout: run 2"]);
  assert.equal(again.record.annotations.find(({ key }) => key === "kind")?.value, "python:3");
});

test("python: an action in a zip with its modules, and a main of another name", { skip }, async () => {
  const code = archive({ "__main__.py": "from helper import name\ndef hello(args): return [name, args]", "helper.py": "name = 'own'" });
  const { record } = await run({ code, binary: true, main: "hello", content: [1] });
  assert.deepEqual(record.response.result, ["own", [1]]);
});

const endings: [string, MessageParts, number, unknown, readonly string[]][] = [
  ["raises", { code: "def main(args): raise ValueError('boo')" }, 1, "boo", []],
  ["returns an error", { code: "def main(args): return {'error': {'a': 1}, 'more': 1}" }, 1, { a: 1 }, []],
  ["returns a number", { code: "def main(args): return 5" }, 2, "The action did not return a dictionary or array.", [DEVELOPER_LINE]],
  [
    "calls sys.exit",
    { code: "import sys\ndef main(args):\n  print('bye')\n  sys.exit(1)" },
    2,
    "command exited",
    ["stdout: bye", DEVELOPER_LINE],
  ],
  [
    "leaves its process",
    { code: "import os\ndef main(args): os._exit(1)" },
    2,
    "The action did not produce a valid response and exited unexpectedly.",
    [DEVELOPER_LINE],
  ],
  [
    "leaves its process while it is initialized",
    { code: "import os\nos._exit(1)" },
    2,
    "The action did not initialize and exited unexpectedly.",
    [DEVELOPER_LINE],
  ],
  [
    "cannot be initialized",
    { code: "import nothing_like_this" },
    2,
    "Initialization has failed due to: No module named 'nothing_like_this'",
    [DEVELOPER_LINE],
  ],
  [
    "never returns",
    { code: "def main(args):\n  print('busy')\n  while True: pass", limits: { timeout: 500 } },
    2,
    "The action exceeded its time limits of 500 milliseconds.",
    ["stdout: busy", DEVELOPER_LINE],
  ],
  [
    "never finishes its initialization",
    { code: "while True: pass", limits: { timeout: 500 } },
    2,
    "The action exceeded its time limits of 500 milliseconds during initialization.",
    [DEVELOPER_LINE],
  ],
  [
    "exceeds its memory",
    { code: "def main(args):\n  kept = []\n  while True: kept.append(bytearray(b'x' * (1 << 20)))", limits: { memory: 128 } },
    2,
    "The action exhausted its memory and was aborted.",
    [DEVELOPER_LINE],
  ],
];
for (const [what, parts, statusCode, error, lines] of endings)
  test(`python: an action that ${what}`, { skip }, async () => {
    const { record, warm } = await run(parts);
    assert.deepEqual([record.response.statusCode, record.response.result], [statusCode, { error }]);
    assert.deepEqual(
      lines.filter((line) => !userLines(record).includes(line)),
      [],
    );
    assert.equal(warm, statusCode === 1, "a container is kept after application errors only");
  });
