import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Decision, HarvestError } from "@openwhisk-harvest/core";
import { HandClock, settled } from "@openwhisk-harvest/testkit";
import { pino } from "pino";
import { decide } from "./decide/decide.js";
import { stateOf } from "./decide/state.kit.js";
import { decisionIdOf } from "./decision-record.js";
import { DecisionWriter } from "./decision-writer.js";
import { SidecarMetrics } from "./metrics.js";

function decisionOf(no: number): Decision {
  const root = no.toString(16).padStart(32, "0");
  const { faults: _, ...draft } = decide(stateOf([], { root }));
  return { ...draft, id: decisionIdOf(root), published: false, decidedAtMs: 0, stepMs: {} };
}

function setUp(queueLength = 3) {
  const clock = new HandClock();
  const metrics = new SidecarMetrics();
  const store = { written: [] as string[], attempts: 0, error: undefined as Error | undefined };
  const put = async ({ id }: Decision) => {
    store.attempts++;
    if (store.error) throw store.error;
    store.written.push(id);
  };
  const writer = new DecisionWriter({
    store: { put, find: async () => undefined },
    clock,
    metrics,
    logger: pino({ level: "silent" }),
    queueLength,
  });
  const dropped = async (reason: string) => {
    const text = await metrics.registry.getSingleMetricAsString("harvest_decision_records_dropped_total");
    return Number(new RegExp(`reason="${reason}"} (\\d+)`).exec(text)?.[1] ?? 0);
  };
  return { clock, store, writer, dropped };
}

const away = new HarvestError("OWH_STORE_UNAVAILABLE", "away");

describe("DecisionWriter", () => {
  it("writes in order, and what waits before it closes", async () => {
    const { store, writer } = setUp();
    for (const no of [1, 2, 3]) writer.add(decisionOf(no));
    await writer.close();
    assert.deepEqual(
      store.written,
      [1, 2, 3].map((no) => decisionOf(no).id),
    );
  });

  it("tries again, ever more rarely, while the store is away", async () => {
    const { clock, store, writer } = setUp();
    store.error = away;
    writer.add(decisionOf(1));
    await settled();
    const attempts: number[] = [];
    for (const ms of [100, 100, 100, 200, 200]) {
      await clock.advance(ms);
      attempts.push(store.attempts);
    }
    assert.deepEqual(attempts, [2, 2, 3, 3, 4]);
    store.error = undefined;
    await clock.advance(5_000);
    assert.deepEqual(store.written, [decisionOf(1).id]);
    await writer.close();
  });

  it("drops and counts what finds the queue full", async () => {
    const { store, writer, dropped } = setUp(3);
    store.error = away;
    for (let no = 0; no < 10; no++) writer.add(decisionOf(no));
    assert.equal(await dropped("queue-full"), 7);
    await writer.close();
    assert.equal(await dropped("closing"), 3);
    writer.add(decisionOf(11));
    assert.equal(await dropped("closing"), 4);
  });

  it("does not wait for a store that will never take it", async () => {
    const { store, writer, dropped } = setUp();
    store.error = new HarvestError("OWH_BAD_REQUEST", "no");
    writer.add(decisionOf(1));
    await settled();
    store.error = undefined;
    writer.add(decisionOf(2));
    await writer.close();
    assert.deepEqual(store.written, [decisionOf(2).id]);
    assert.equal(await dropped("refused"), 1);
  });

  it("takes a store that never answers for one that is away", async () => {
    const { clock, store, writer } = setUp();
    const hanging = new DecisionWriter({
      store: {
        put: ({ id }) => {
          store.attempts++;
          return store.attempts === 1 ? new Promise<void>(() => undefined) : Promise.resolve(void store.written.push(id));
        },
        find: async () => undefined,
      },
      clock,
      metrics: new SidecarMetrics(),
      logger: pino({ level: "silent" }),
    });
    hanging.add(decisionOf(1));
    await clock.advance(5_000);
    await clock.advance(100);
    assert.deepEqual(store.written, [decisionOf(1).id]);
    await Promise.all([hanging.close(), writer.close()]);
  });
});
