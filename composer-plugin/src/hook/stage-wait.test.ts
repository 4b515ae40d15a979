/** One wait for a stage on a hand-driven clock: when it looks, when it ends, and with what. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { type OnLook, StageLost, type StageView } from "./barrier.js";
import type { HookHost } from "./config.js";
import { waitForStage } from "./stage-wait.js";

const ID = "a".repeat(32);
const SLICE_MS = 2_000;
const NOTHING: StageView = { ended: new Set(), begun: 0, isCrowded: false };

describe("a wait for a stage", () => {
  /** Waits as Barriers does, on a stage that never fills. */
  function setUp({
    untilMs = 60_000,
    stageMs = 600_000,
    holdMs = 60_000,
    record = undefined as unknown,
    outerIsGone = async () => false,
  } = {}) {
    const clock = new HandClock();
    const startMs = clock.nowMs();
    const host: HookHost = { env: {}, nowMs: () => clock.nowMs(), sleep: (ms, signal) => clock.sleep(ms, signal) };
    const stage = { barrierId: "b", branches: [ID], sinceMs: startMs, untilMs: startMs + stageMs, outerId: "outer" };
    const wait = async (deadlineMs: number, onLook: OnLook): Promise<number> => {
      for (;;) {
        const leftMs = Math.min(await onLook(NOTHING), deadlineMs) - clock.nowMs();
        if (leftMs <= 0) return clock.nowMs() - startMs;
        await clock.sleep(Math.min(leftMs, SLICE_MS));
      }
    };
    const times = { untilMs: startMs + untilMs, holdUntil: async () => startMs + holdMs };
    const parts = { barriers: { ended: async () => new Set<number>(), isGone: outerIsGone }, readActivation: async () => record, host };
    const waited = waitForStage(stage, times, parts, wait);
    return { clock, waited };
  }

  for (const [name, given, endsMs] of [
    ["at its end", { untilMs: 7_000 }, 7_000],
    ["with its stage's time", { stageMs: 5_000 }, 5_000],
    ["when its container is to be given back", { holdMs: 3_000 }, 3_000],
  ] as const)
    it(`is over ${name}`, async () => {
      const { clock, waited } = setUp(given);
      await clock.advance(60_000);
      assert.equal(await waited, endsMs);
    });

  it("ends when the stage that it is in a branch of has ended (barrier.J8)", async () => {
    let isGone = false;
    const { clock, waited } = setUp({ outerIsGone: async () => isGone });
    const lost = assert.rejects(waited, /stage that this one is in a branch of has ended/);
    await clock.advance(2 * SLICE_MS);
    isGone = true;
    await clock.advance(SLICE_MS);
    await lost;
  });

  it("ends with the first look that finds a branch ended without a result (barrier.J7)", async () => {
    const { clock, waited } = setUp({ record: { response: { result: { error: "it was killed" } } } });
    const lost = assert.rejects(
      waited,
      (error) => error instanceof StageLost && error.message === `branch 0 ended without a result: it was killed, activation ${ID}`,
    );
    await clock.advance(SLICE_MS + 1);
    await lost;
  });
});
