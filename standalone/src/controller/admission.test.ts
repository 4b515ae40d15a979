/** Rules admission-rules.A1 to admission-rules.A3, admission.A4, and admission-rules.A5: what H7 needs of admission. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import type { WhiskRejection } from "../whisk-rejection.js";
import { Admission } from "./admission.js";
import { type AdmissionLimits, dominantShare, mayBegin, type RunsView, refusalOf } from "./admission-rules.js";
import type { RootRun } from "./parts.js";

const LIMITS: AdmissionLimits = {
  concurrentInvocations: 100,
  queueLength: 1_000,
  admissionWaitMs: 5_000,
  capacity: { cpuCores: 2, memoryMb: 4_096 },
};
const IDLE: RunsView = { inFlight: 0, arriving: 0, waiting: 0, begun: 0, meanMs: undefined, meanAsked: undefined, ageMs: 0 };
const busy = (over: Partial<RunsView>): RunsView => ({ ...IDLE, begun: 4, meanMs: 400, ...over });
const ask = (own: RunsView, all = own, namespaces = 1, limits = LIMITS) => refusalOf({ own, all, namespaces }, limits);

test("an idle server lets everything in", () => {
  assert.equal(ask(IDLE), undefined);
});

test("admission-rules.A1: as many runs of a namespace as it may have, and none more", () => {
  assert.equal(ask(busy({ inFlight: 99 })), undefined);
  const refusal = ask(busy({ inFlight: 100 }));
  assert.deepEqual(refusal, { why: "concurrent", count: 100, allowed: 100, retryAfterMs: 400 });
});

test("admission-rules.A2: the expected wait is the line times the mean time of a run, shared by those under way", () => {
  // Runs of 400 ms, four at a time: one of them begins every 100 ms.
  assert.equal(ask(busy({ waiting: 50 })), undefined);
  assert.deepEqual(ask(busy({ waiting: 51 })), { why: "waiting", count: 51, waitMs: 5_100, retryAfterMs: 2_550 });
  assert.equal(ask(busy({ waiting: 0, meanMs: 60_000 })), undefined, "nothing waits");
});

test("admission-rules.A2: runs that take longer than those before count with the time they have taken", () => {
  assert.equal(ask(busy({ waiting: 10, ageMs: 1_000 })), undefined);
  assert.equal(ask(busy({ waiting: 10, ageMs: 4_000 }))?.why, "waiting");
});

test("admission-rules.A2: what comes at once is let in before it is known whether there is room, up to a bound", () => {
  assert.equal(ask(busy({ begun: 0, meanMs: 10_000, arriving: 16 })), undefined);
  assert.equal(ask(busy({ begun: 0, meanMs: 10_000, arriving: 17 }))?.why, "waiting");
});

test("admission-rules.A2: a namespace that is new takes the mean of all for its own", () => {
  const own = { ...IDLE, waiting: 2, begun: 1 };
  assert.equal(ask(own, busy({ meanMs: 2_000 })), undefined);
  assert.equal(ask(own, busy({ meanMs: 3_000 }))?.why, "waiting");
});

test("admission-rules.A3: a line that is too long for all refuses the namespaces that have more than an equal share of it", () => {
  const all = busy({ waiting: 60, meanMs: 400 });
  assert.equal(ask(busy({ waiting: 31 }), all, 2)?.why, "waiting");
  assert.equal(ask(busy({ waiting: 29 }), all, 2), undefined);
  const full = { ...LIMITS, queueLength: 60, admissionWaitMs: 600_000 };
  assert.equal(ask(busy({ waiting: 31 }), all, 2, full)?.why, "waiting");
  assert.equal(ask(busy({ waiting: 29 }), all, 2, full), undefined);
});

test("admission-rules.A2: what is refused comes again when half of the line has gone, and never later than the line may be long", () => {
  assert.equal(ask(busy({ waiting: 60 }))?.retryAfterMs, 3_000);
  assert.equal(ask(busy({ waiting: 600 }))?.retryAfterMs, LIMITS.admissionWaitMs);
});

test("admission-rules.A5: a composition begins until those that have begun fill its part of the invokers one and a half times", () => {
  const begins = (begun: number, meanAsked: number | undefined, namespaces = 1, all: number | undefined = meanAsked) =>
    mayBegin({ own: busy({ begun, meanAsked }), all: busy({ begun, meanAsked: all }), namespaces });
  assert.deepEqual([begins(2, 0.5), begins(3, 0.5)], [true, false]);
  assert.deepEqual([begins(1, 0.5, 2), begins(2, 0.5, 2)], [true, false], "two namespaces have half each");
  assert.ok(begins(0, 7, 100), "one may always, however large");
  assert.ok(begins(50, 0), "what asks for no room is not held back");
  assert.deepEqual(
    [begins(50, undefined, 1, undefined), begins(4, undefined, 1, 0.5)],
    [true, false],
    "until its own is known, that of all",
  );
});

test("admission-rules.A5: what the functions of a run ask for, waiting or not, counts over the whole of its time", () => {
  const clock = new HandClock();
  const admission = new Admission(LIMITS, clock);
  const all = LIMITS.capacity;
  assert.equal(dominantShare({ cpuCores: 1, memoryMb: 128 }, all), 0.5);
  const first = admission.letIn("a");
  first.enter("begun");
  const inAStage = [first.ask(all), admission.follow("a", first, false).ask(all)];
  clock.move(500);
  for (const ended of inAStage) ended();
  clock.move(500);
  first.end();
  const [second, third, fourth] = [admission.letIn("a"), admission.letIn("a"), admission.letIn("a")];
  second.enter("begun");
  assert.ok(third.mayBegin(), "twice the invokers for half of the time are once the invokers");
  third.enter("begun");
  assert.ok(!fourth.mayBegin());
  third.end();
  assert.ok(fourth.mayBegin());
});

const refused = (admit: () => unknown): WhiskRejection => {
  try {
    admit();
  } catch (error) {
    return error as WhiskRejection;
  }
  return assert.fail("it was let in");
};

test("a refusal is a 429 in OpenWhisk's form, and says when to come again", () => {
  const clock = new HandClock();
  const admission = new Admission({ ...LIMITS, concurrentInvocations: 1 }, clock);
  const run = admission.letIn("a");
  const { status, message, retryAfterMs } = refused(() => admission.letIn("a"));
  assert.deepEqual([status, message], [429, "Too many concurrent requests in flight (count: 1, allowed: 1)."]);
  assert.ok(Number(retryAfterMs) > 0);
  admission.letIn("b").end();
  run.end();
  admission.letIn("a").end();
});

test("runs are served in the order in which they were let in, and what follows from one with it", () => {
  const admission = new Admission(LIMITS, new HandClock());
  const [first, second] = [admission.letIn("a"), admission.letIn("b")];
  assert.ok(first.order < second.order);
  const follower = admission.follow("a", first, true);
  assert.deepEqual([follower.order, follower.hasBegun], [first.order, true]);
});

test("admission-rules.A1: what an activation waits for counts, and is refused by it; what a composition starts and leaves counts alone", () => {
  const admission = new Admission({ ...LIMITS, concurrentInvocations: 2 }, new HandClock());
  const root = admission.letIn("a");
  const call = admission.follow("a", root, true);
  assert.equal(refused(() => admission.follow("a", root, true)).status, 429);
  const left = admission.follow("a", root, false);
  for (const run of [root, call]) run.end();
  assert.equal(admission.letIn("a").hasBegun, false);
  assert.equal(refused(() => admission.letIn("a")).status, 429);
  left.end();
  admission.letIn("a");
});

test("the mean of the runs that have ended is what the next ones are expected to take", () => {
  const clock = new HandClock();
  const admission = new Admission({ ...LIMITS, admissionWaitMs: 1_000 }, clock);
  for (let n = 0; n < 3; n++) {
    const run = admission.letIn("a");
    run.enter("waiting");
    clock.move(500);
    run.enter("begun");
    clock.move(400);
    run.end();
  }
  const begun = admission.letIn("a");
  begun.enter("begun");
  for (let n = 0; n < 3; n++) admission.letIn("a").enter("waiting");
  assert.match(refused(() => admission.letIn("a")).message, /count: 3, expected wait: 1200 ms/);
});

test("admission.A4: whatever comes, and ends, in whatever state, the counts are as they were", () => {
  const step = fc.record({
    what: fc.constantFrom("in", "wait", "begin", "end", "follow"),
    namespace: fc.constantFrom("a", "b", "c"),
    which: fc.nat(20),
    afterMs: fc.nat(400),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const clock = new HandClock();
      const admission = new Admission({ ...LIMITS, concurrentInvocations: 6, queueLength: 5, admissionWaitMs: 1_000 }, clock);
      const runs: { namespace: string; run: RootRun }[] = [];
      for (const { what, namespace, which, afterMs } of steps) {
        clock.move(afterMs);
        const at = runs[which % Math.max(1, runs.length)];
        try {
          if (what === "in") runs.push({ namespace, run: admission.letIn(namespace) });
          else if (what === "follow" && at) runs.push({ namespace: at.namespace, run: admission.follow(at.namespace, at.run, true) });
        } catch (error) {
          assert.equal((error as WhiskRejection).status, 429);
        }
        if (what === "wait") at?.run.enter("waiting");
        if (what === "begin") at?.run.enter("begun");
        if (what === "end" && at) runs.splice(runs.indexOf(at), 1)[0]?.run.end();
        for (const name of ["a", "b", "c"]) assert.ok(runs.filter((one) => one.namespace === name).length <= 6, "admission-rules.A1");
      }
      for (const { run } of runs) run.end();
      for (const name of ["a", "b", "c"]) for (let n = 0; n < 6; n++) admission.letIn(name);
    }),
    { numRuns: 300 },
  );
});
