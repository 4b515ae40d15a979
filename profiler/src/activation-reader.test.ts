import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "@openwhisk-harvest/core";
import { JumpingClock } from "@openwhisk-harvest/testkit";
import { readRunActivations } from "./activation-reader.js";
import type { ActivationView } from "./activation-view.js";
import { type FakeOpenWhisk, fakeOpenWhisk } from "./fake-openwhisk.kit.js";
import { fixtureRun, idOf } from "./run-fixture.kit.js";

const RUN = fixtureRun();
const START_MS = 1_700_000_000_000;

async function withServer(work: (server: FakeOpenWhisk, clock: JumpingClock) => Promise<void>): Promise<void> {
  const server = await fakeOpenWhisk(() => ({ status: 500, body: {} }));
  try {
    await work(server, new JumpingClock());
  } finally {
    await server.close();
  }
}

const read = (server: FakeOpenWhisk, clock: Clock, signal?: AbortSignal) =>
  readRunActivations({
    client: server.client,
    compositionId: RUN.compositionId,
    sinceMs: START_MS,
    expectedComponents: 5,
    deadlineMs: 10_000,
    clock,
    ...(signal && { signal }),
  });

const ids = (activations: readonly ActivationView[]) => activations.map((a) => a.activationId).sort();

test("reads all pages since the start of the run, with their documents", () =>
  withServer(async (server, clock) => {
    const others = Array.from({ length: 450 }, (_, i) => ({ ...plain(`other ${i}`), start: START_MS + 1_000 + i }));
    server.add([...RUN.activations, ...others, { ...plain("before"), start: START_MS - 1 }]);
    assert.deepEqual(ids(await read(server, clock)), ids([...RUN.activations, ...others]));
    assert.deepEqual(
      server.requests.map((r) => /skip=(\d+)/.exec(r)?.[1]),
      ["0", "200", "400"],
    );
    assert.ok(server.requests.every((r) => r.includes("docs=true") && r.includes("limit=200")));
  }));

function plain(name: string): ActivationView {
  return { activationId: idOf(name), name: "plain", start: 0, logs: [], response: {}, annotations: [] };
}

test("waits for every record that is needed, in whatever order they are written, and for no others", () =>
  withServer(async (server, clock) => {
    const needless = ["E0", "E1", "E2"].map(RUN.id);
    const needed = RUN.activations.filter((r) => !needless.includes(r.activationId));
    server.listFailures.push(503); // a failure that passes
    const reading = read(server, {
      nowMs: () => clock.nowMs(),
      monotonicMs: () => clock.monotonicMs(),
      async sleep(ms, signal) {
        await clock.sleep(ms, signal);
        const next = needed.pop();
        if (next) server.add([next]);
      },
    });
    assert.equal((await reading).length, RUN.activations.length - needless.length);
    assert.equal(needed.length, 0, "it did not stop before the last of them");
  }));

for (const name of ["C", "R", "split", "b1", "S1", "B1", "K2"]) {
  test(`does not take the run for complete without ${name}`, () =>
    withServer(async (server, clock) => {
      server.add(RUN.activations.filter((r) => r.activationId !== RUN.id(name)));
      await assert.rejects(read(server, clock), (error: Error & { code?: string }) => {
        assert.equal(error.code, "OWH_DEADLINE");
        assert.match(
          error.message,
          name === "C" ? /own record/ : /split|b1/.test(name) ? /1 of 5 components|the record of/ : /the record of/,
        );
        return true;
      });
      const sleptMs = clock.sleptMs.reduce((a, b) => a + b, 0);
      assert.ok(sleptMs <= 10_000 && sleptMs > 9_000, `gave up after ${sleptMs} ms`);
      assert.ok(Math.max(...clock.sleptMs) <= 500);
    }));
}

test("a refusal is not tried again", () =>
  withServer(async (server, clock) => {
    server.listFailures.push(401);
    await assert.rejects(read(server, clock), { statusCode: 401 });
    assert.equal(server.requests.length, 1);
  }));

test("stops when told to", () =>
  withServer(async (server, clock) => {
    await assert.rejects(read(server, clock, AbortSignal.abort(new Error("enough"))), /enough/);
  }));
