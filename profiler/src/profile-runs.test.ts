import assert from "node:assert/strict";
import { test } from "node:test";
import {
  effectiveMode,
  HarvestError,
  type ModeSettings,
  type Observation,
  PAPER_GRID,
  type Profile,
  withNamespaceMode,
} from "@openwhisk-harvest/core";
import { JumpingClock } from "@openwhisk-harvest/testkit";
import type { ActivationView } from "./activation-view.js";
import { type Answer, type FakeOpenWhisk, fakeOpenWhisk } from "./fake-openwhisk.kit.js";
import { type ProfileDag, profileDag } from "./profile-runs.js";
import { DAG, fixtureRun } from "./run-fixture.kit.js";

const START_MS = 1_700_000_000_000;

interface Bench {
  readonly server: FakeOpenWhisk;
  readonly stored: Profile[];
  /** Every settings that were set, in order. */
  readonly modes: ModeSettings[];
  readonly run: (task?: Partial<ProfileDag>) => ReturnType<typeof profileDag>;
}

/** A namespace whose composition answers as `onInvoke` says; `mode` and the global mode are those in force before. */
async function withBench(
  onInvoke: (n: number, params: Record<string, unknown>, modes: ModeSettings) => Answer | Promise<Answer>,
  work: (bench: Bench) => Promise<void>,
  before: ModeSettings = { v: 1, global: "observe", namespaces: { other: "harvest" } },
): Promise<void> {
  const modes = [before];
  const stored: Profile[] = [];
  const current = () => modes.at(-1) as ModeSettings;
  let invoked = 0;
  const server = await fakeOpenWhisk((params) => onInvoke(invoked++, params, current()));
  const run = (task: Partial<ProfileDag> = {}) =>
    profileDag({
      client: server.client,
      dag: DAG,
      inputs: [{ text: "a" }, { text: "bb" }, { text: "ccc" }],
      allocations: {
        async changeModes(change) {
          modes.push(change(current()));
          return current();
        },
      },
      profiles: { put: async (profile) => void stored.push(profile) },
      grid: PAPER_GRID,
      clock: new JumpingClock(),
      recordsDeadlineMs: 2_000,
      ...task,
    });
  try {
    await work({ server, stored, modes, run });
  } finally {
    await server.close();
  }
}

const succeed = (n: number) => succeedWith(n, {});

function succeedWith(n: number, observed: Partial<Observation>): Answer & { readonly body: ActivationView } {
  const run = fixtureRun({ run: String(n), startMs: START_MS + n * 1_000, observe: () => observed });
  const composition = run.activations[0] as ActivationView;
  return { status: 200, body: { ...composition, logs: [] }, records: run.activations, visibleAfterLists: 2 };
}

function failing(status: string): Answer {
  const { activations } = fixtureRun({ run: status, startMs: START_MS });
  return { status: 502, body: { ...activations[0], response: { status, success: false, result: { error: "no" } } } };
}

test("runs every input once, in mode profile, stores what they showed, and restores the mode", () =>
  withBench(
    (n, _, modes) => {
      assert.equal(effectiveMode(modes, "guest", undefined, { nowMs: START_MS }), "profile");
      return succeed(n);
    },
    async ({ run, stored, modes, server }) => {
      const progress: [number, number, boolean][] = [];
      const summary = await run({ onProgress: ({ done, total, etaMs }) => progress.push([done, total, etaMs === undefined]) });
      assert.deepEqual(summary.failed, []);
      assert.equal(summary.profiles, 15);
      assert.equal(summary.nextIndex, 3);
      assert.deepEqual(
        summary.runs.map((r) => [r.index, r.root, r.dagInputBytes, r.profiles, r.leftOut.length]),
        [0, 1, 2].map((n) => [n, fixtureRun({ run: String(n) }).root, 12 + n, 5, 0]),
      );
      assert.equal(stored.length, 15);
      assert.deepEqual([...new Set(stored.map((p) => p.dagInputBytes))], [12, 13, 14]);
      assert.deepEqual(progress, [
        [0, 3, true],
        [1, 3, false],
        [2, 3, false],
        [3, 3, false],
      ]);
      assert.deepEqual(modes.at(-1), { v: 1, global: "observe", namespaces: { other: "harvest" } });
      assert.equal(server.requests.filter((r) => r === "POST /api/v1/namespaces/guest/actions/job?blocking=true").length, 3);
    },
  ));

test("equal inputs have equal labels, in every session", () =>
  withBench(succeed, async ({ run }) => {
    const first = await run();
    const again = await run();
    assert.deepEqual(
      again.runs.map((r) => r.label),
      first.runs.map((r) => r.label),
    );
    assert.equal(new Set(first.runs.map((r) => r.label)).size, 3);
  }));

test("a failed run is a data point with its reason, and the others go on", () =>
  withBench(
    (n) => (n === 0 ? failing("application error") : n === 1 ? { status: 503, body: { error: "no invokers", code: "c" } } : succeed(n)),
    async ({ run, modes }) => {
      const { failed, runs } = await run();
      assert.deepEqual(
        failed.map((f) => f.index),
        [0, 1],
      );
      assert.match(failed[0]?.reason ?? "", /ended as application error/);
      assert.match(failed[1]?.reason ?? "", /503/);
      assert.equal(runs.length, 1);
      assert.equal(modes.at(-1)?.profilingUntilMs, undefined);
    },
  ));

test("of a failed run the functions that ran are stored, with the reason", () =>
  withBench(
    (n) => {
      const { body, ...answer } = succeedWith(n, {});
      const records = (answer.records ?? []).map((record) =>
        record.name === "combine"
          ? { ...record, logs: record.logs.map((line) => line.replace('"success"', '"application error"')) }
          : record,
      );
      return n === 1
        ? { status: 502, body: { ...body, response: { status: "application error", success: false } }, records, visibleAfterLists: 2 }
        : succeed(n);
    },
    async ({ run, stored }) => {
      const { failed, runs, profiles } = await run();
      assert.deepEqual([runs.length, failed.length, profiles, stored.length], [2, 1, 15, 15]);
      const ofFailed = stored.filter((p) => p.runFailed !== undefined);
      assert.deepEqual(ofFailed.map((p) => [p.functionIndex, p.observation.outcome]).sort(), [
        [0, "success"],
        [1, "success"],
        [2, "success"],
        [3, "success"],
        [4, "application error"],
      ]);
      assert.ok(ofFailed.every((p) => p.runFailed === failed[0]?.reason && /ended as application error/.test(p.runFailed ?? "")));
    },
  ));

test("after every run it is told where to go on and what failed, and nothing is left to fail when all is done", () =>
  withBench(
    (n) => (n === 1 ? failing("application error") : succeed(n)),
    async ({ run }) => {
      const states: (readonly [number, number])[] = [];
      await run({ recordsDeadlineMs: 100, onRunDone: ({ nextIndex, failed }) => void states.push([nextIndex, failed.length]) });
      assert.deepEqual(states, [
        [1, 0],
        [2, 1],
        [3, 1],
      ]);
      assert.deepEqual(await run({ firstIndex: 3 }), { runs: [], failed: [], profiles: 0, nextIndex: 3 });
    },
  ));

test("an answer of 202 is polled for its end", () =>
  withBench(
    (n) => {
      const { body, ...answer } = succeed(n);
      return { ...answer, status: 202, body: { activationId: body.activationId }, visibleAfterLists: 3 };
    },
    async ({ run, server }) => {
      assert.equal((await run({ inputs: [{}] })).profiles, 5);
      assert.equal(server.requests.filter((r) => /activations\/[0-9a-f]{32}$/.test(r)).length, 4);
    },
  ));

test("a run that does not end, or whose records do not come, is given up", () =>
  withBench(
    (n) =>
      n === 0 ? { status: 202, body: { activationId: "0".repeat(32) } } : n === 1 ? { ...succeed(n), visibleAfterLists: 1e9 } : succeed(n),
    async ({ run }) => {
      const { failed, runs } = await run({ runDeadlineMs: 5_000 });
      assert.match(failed[0]?.reason ?? "", /did not end within 5000 ms/);
      assert.match(failed[1]?.reason ?? "", /own record/);
      assert.equal(runs.length, 1);
    },
  ));

test("when nothing at all is usable, the first reason is told and the mode restored", () =>
  withBench(
    () => failing("action developer error"),
    async ({ run, modes }) => {
      await assert.rejects(run(), (error: Error & { code?: string }) => {
        assert.equal(error.code, "OWH_PROFILE_FAILED");
        assert.match(error.message, /None of the 3 runs of guest\/job is usable.*action developer error/);
        return true;
      });
      assert.deepEqual(modes.at(-1), { v: 1, global: "observe", namespaces: { guest: "harvest" } });
    },
    { v: 1, global: "observe", namespaces: { guest: "harvest" } },
  ));

test("runs that the appliers did not give the maximum are told, and not stored", () =>
  withBench(
    (n) => succeedWith(n, { mode: "observe" }),
    async ({ run, stored }) => {
      await assert.rejects(run(), /under mode observe instead of profile/);
      assert.deepEqual(stored, []);
    },
  ));

test("a run that an applier missed the mode of is tried again, and what it showed all the same is kept", () =>
  withBench(
    (n) => {
      const missed = fixtureRun({ run: String(n), startMs: START_MS, observe: (name) => (name === "b1" ? { mode: "off" } : {}) });
      return n === 0 ? { ...succeed(n), records: missed.activations } : succeed(n);
    },
    async ({ run, stored, server }) => {
      const { runs, failed, profiles } = await run({ inputs: [{}] });
      assert.deepEqual([runs.length, failed.length, profiles, stored.length], [1, 0, 9, 9]);
      assert.equal(stored.filter((p) => p.runFailed !== undefined).length, 4);
      assert.equal(server.requests.filter((r) => r.startsWith("POST")).length, 2);
    },
  ));

test("off wins: nothing is invoked, nothing is set", () =>
  withBench(
    succeed,
    async ({ run, server, modes }) => {
      await assert.rejects(run(), { code: "OWH_PROFILE_FAILED" });
      assert.deepEqual([server.requests.length, modes.length], [0, 1]);
    },
    { v: 1, global: "harvest", namespaces: { guest: "off" } },
  ));

test("an interrupted profiling stops at once, restores the mode, and goes on where it stopped", () => {
  const controller = new AbortController();
  return withBench(
    (n) => {
      if (n === 1) controller.abort(); // while the second run is in flight
      return succeed(n);
    },
    async ({ run, modes }) => {
      const stopped = await run({ signal: controller.signal });
      assert.deepEqual([stopped.runs.length, stopped.failed.length, stopped.nextIndex], [1, 0, 1]);
      assert.equal(modes.at(-1)?.profilingUntilMs, undefined);
      const resumed = await run({ firstIndex: stopped.nextIndex });
      assert.deepEqual(
        resumed.runs.map((r) => r.index),
        [1, 2],
      );
    },
  );
});

test("what others set meanwhile stays: an operator's off is not undone", () => {
  const bench: { modes?: ModeSettings[] } = {};
  return withBench(
    (n, _, modes) => {
      bench.modes?.push({ ...modes, namespaces: { ...modes.namespaces, guest: "off", third: "observe" } });
      return succeed(n);
    },
    async ({ run, modes }) => {
      bench.modes = modes;
      await run({ inputs: [{}] });
      assert.deepEqual(modes.at(-1)?.namespaces, { other: "harvest", guest: "off", third: "observe" });
    },
  );
});

test("a profiler that is killed leaves the mode for no longer than its longest try: the end is put off before each, and no further", () =>
  withBench(succeed, async ({ run, modes }) => {
    const clock = new JumpingClock(START_MS);
    const times = { clock, runDeadlineMs: 5_000, recordsDeadlineMs: 2_000 };
    await run({ ...times, onRunDone: () => clock.sleep(60_000) });
    const ends = modes.flatMap(({ profilingUntilMs }) => profilingUntilMs?.["guest"] ?? []);
    assert.equal(ends.length, 4, "the start, and each of three tries");
    assert.ok(ends.every((end, i) => i < 2 || end >= (ends[i - 1] as number) + 60_000));
    assert.equal(ends[0], START_MS + 5_000 + 2_000 + 60_000);
  }));

test("an operator that takes the namespace out of mode profile is not overruled", () => {
  const bench: { modes?: ModeSettings[] } = {};
  return withBench(
    (n, _, modes) => {
      bench.modes?.push(withNamespaceMode(modes, "guest", undefined));
      return succeed(n);
    },
    async ({ run, modes }) => {
      bench.modes = modes;
      const { failed } = await run();
      assert.match(failed.at(-1)?.reason ?? "", /taken out of mode profile/);
      assert.equal(modes.filter(({ profilingUntilMs }) => profilingUntilMs).length, 2, "the start and the first try");
    },
  );
});

test("a mode that cannot be restored is told, beside what failed before it", () =>
  withBench(
    () => failing("application error"),
    async ({ run }) => {
      let calls = 0;
      const allocations: ProfileDag["allocations"] = {
        changeModes: async (change) => {
          if (calls++ > 0) throw new Error("Redis is gone");
          return change({ v: 1, global: "observe", namespaces: {} });
        },
      };
      await assert.rejects(run({ allocations, inputs: [{}] }), /may still be in mode profile, .*Redis is gone/);
      calls = 0;
      const onProgress = () => {
        throw new Error("the screen is gone");
      };
      await assert.rejects(run({ allocations, onProgress }), /the screen is gone.*may still be in mode profile/);
    },
  ));

test("a Redis that is late now and then costs time, not the profiling; one that stays away ends it", () =>
  withBench(
    (n) => succeed(n),
    async ({ run }) => {
      const clock = new JumpingClock();
      let settings: ModeSettings = { v: 1, global: "observe", namespaces: {} };
      let asked = 0;
      const late = new HarvestError("OWH_STORE_UNAVAILABLE", "Redis could not change the modes: no answer within 50 ms.");
      const stumbling: ProfileDag["allocations"] = {
        changeModes: async (change) => {
          if (asked++ % 3 < 2) throw late;
          settings = change(settings);
          return settings;
        },
      };
      const { failed, profiles } = await run({ allocations: stumbling, clock });
      assert.deepEqual(failed, []);
      assert.equal(profiles, 15);
      assert.equal(asked, 3 * 5, "the start, three tries and the end, each at the third attempt");
      assert.equal(settings.profilingUntilMs?.["guest"], undefined, "the mode is restored");

      const startedMs = clock.monotonicMs();
      await assert.rejects(run({ allocations: { changeModes: () => Promise.reject(late) }, clock }), { code: "OWH_STORE_UNAVAILABLE" });
      assert.ok(clock.monotonicMs() - startedMs >= 10_000);
    },
  ));
