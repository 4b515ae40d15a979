// runs in CI: two minutes of saturation, and a soak
// runs alone: it measures what the machine can do, and asks for six times that
/**
 * H7 over time: six times more than can be run, and then soaks at 80 % and 150 % of it. `npm run soak` does two minutes of the one and an
 * hour of each of the others; every test run some seconds. What is fast depends on the machine and is told, not asserted.
 */
import assert from "node:assert/strict";
import { after, before, describe, it, type TestContext } from "node:test";
import { quantileOfSorted } from "@openwhisk-harvest/core";
import { casesOf, eventually } from "@openwhisk-harvest/testkit";
import { type Answer, type Invoke, invokeAtRate, invokeSideBySide } from "@openwhisk-harvest/testkit/load";
import { type Left, leftNow } from "./left.kit.js";
import { LoadedStack, NAPS } from "./load.kit.js";

const NAP_MS = 50;
const CAPACITY_CLIENTS = 8;
const IDLE_CONTAINER_MS = 1_000;
/** What the collector of garbage and compiled code make of two equal states. */
const HEAP_NOISE_MB = 8;
/** Connections of clients that are kept for a while, and whatever else opens a file now and then. */
const DESCRIPTORS_NOISE = 8;

let loaded: LoadedStack;
let invoke: Invoke;
before(async () => {
  loaded = await LoadedStack.start([`standalone.idleContainerMs=${IDLE_CONTAINER_MS}`]);
  invoke = await loaded.deploy("naps", NAPS, NAP_MS);
  await loaded.up.setMode("harvest");
});
after(() => loaded?.close());

/** Compositions a second, with so many clients as keep the invoker busy and let none wait long. */
async function capacity(): Promise<number> {
  const invocations = casesOf(600, 0.1);
  await invokeSideBySide(() => invoke(), { clients: CAPACITY_CLIENTS, invocations: Math.ceil(invocations / 4) });
  const startMs = performance.now();
  await invokeSideBySide(() => invoke(), { clients: CAPACITY_CLIENTS, invocations });
  return (1_000 * invocations) / (performance.now() - startMs);
}

interface Counted {
  succeeded: number;
  refused: number;
  failed: number;
}

function count(counted: Counted, { status, retryAfterMs }: Answer): void {
  if (status === 200) counted.succeeded++;
  else if (status === 429 && retryAfterMs !== undefined) counted.refused++;
  else counted.failed++;
}

async function loneMs(): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < 5; n++) times.push((await invoke()).tookMs);
  return quantileOfSorted(Float64Array.from(times).sort(), 0.5);
}

it("H7: at six times what can be run, what is let in ends, nothing fails but with 429, and then everything is as before", async (t) => {
  const [perSecond, idleMs] = [await capacity(), await loneMs()];
  const forMs = casesOf(120_000, 0.1);
  const counted: Counted = { succeeded: 0, refused: 0, failed: 0 };
  const startMs = performance.now();
  let lastMs = startMs;
  await invokeAtRate(
    async () => count(counted, await invoke()),
    { perSecond: 6 * perSecond, forMs },
    () => {
      lastMs = performance.now();
    },
  );
  const soonMs = await loneMs();
  t.diagnostic(
    `capacity ${perSecond.toFixed(1)}/s; at six times that for ${((lastMs - startMs) / 1_000).toFixed(0)} s ${JSON.stringify(counted)}: ` +
      `${((100_000 * counted.succeeded) / (lastMs - startMs) / perSecond).toFixed(0)} % of the capacity succeeded; ` +
      `a lone composition takes ${idleMs.toFixed(0)} ms before and ${soonMs.toFixed(0)} ms right after`,
  );
  assert.equal(counted.failed, 0);
  assert.ok(counted.succeeded > 0, JSON.stringify(counted));
  await loaded.isQuiet();
});

describe("soaks", () => {
  for (const share of [0.8, 1.5])
    it(`at ${100 * share} % of what can be run nothing is left behind`, async (t) => {
      const perSecond = share * (await capacity());
      const atStart = await leftWhenQuiet();
      const counted: Counted = { succeeded: 0, refused: 0, failed: 0 };
      await invokeAtRate(async () => count(counted, await invoke()), { perSecond, forMs: casesOf(3_600_000, 1 / 180) });
      await compare(t, { perSecond, counted, atStart });
      assert.equal(counted.failed, 0);
    });
});

async function compare(t: TestContext, told: { perSecond: number; counted: Counted; atStart: Left }): Promise<void> {
  const { atStart } = told;
  const isAsBefore = (left: Left) =>
    left.processes <= atStart.processes &&
    left.containers <= atStart.containers &&
    left.descriptors <= atStart.descriptors + DESCRIPTORS_NOISE;
  let atEnd = await leftWhenQuiet();
  const look = async () => {
    atEnd = await leftWhenQuiet();
    return isAsBefore(atEnd);
  };
  await eventually(look, "what is left is what there was").finally(() => t.diagnostic(JSON.stringify({ ...told, atEnd })));
  assert.ok(atEnd.heapMb - atStart.heapMb < HEAP_NOISE_MB, `${atStart.heapMb} MB of heap at the start, ${atEnd.heapMb} at the end`);
}

/** Nothing runs, and all warm containers have been idle for too long. */
async function leftWhenQuiet(): Promise<Left> {
  await loaded.isQuiet();
  await eventually(async () => (await loaded.up.containers.limits()).size === 0, "all containers are gone");
  return leftNow(loaded.up);
}
