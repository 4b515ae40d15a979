/** Load, crash and fuzz on a whole server: a tenth in every test run, all of it by `npm run soak`. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { casesOf, isSoak } from "@openwhisk-harvest/testkit";
import { startTestStandalone, type TestStandalone } from "../standalone.kit.js";
import { crashUnderLoad } from "./crash.kit.js";
import { fuzz } from "./fuzz.kit.js";
import { blockingLoad, LOAD_FLAGS, type LoadReport, nonBlockingLoad } from "./load.kit.js";

const IN_FLIGHT = 64;

/** What the tests themselves keep of an invocation (its id and number), with room; a leaked record would be ten times that. */
const KEPT_BYTES_PER_INVOCATION = 300;
/** What the heap differs by between two collections without any load. */
const HEAP_NOISE_MB = 6;

let server: TestStandalone;
before(async () => {
  server = await startTestStandalone(LOAD_FLAGS);
});
after(() => server.close());

const blocking = casesOf(5_000);
test(`${blocking} blocking invocations at ${IN_FLIGHT} in flight: none lost, none doubled, every one with a record`, async (t) => {
  report(t, await blockingLoad(server, { invocations: blocking, inFlight: IN_FLIGHT }));
});

const nonBlocking = casesOf(20_000);
test(`${nonBlocking} non-blocking ones: none lost, none doubled, every one with a record; memory is flat after the first thousand`, async (t) => {
  const load = await nonBlockingLoad(server, { invocations: nonBlocking, inFlight: IN_FLIGHT });
  report(t, load);
  const grownMb = load.heapMb.late - load.heapMb.early;
  const allowedMb = HEAP_NOISE_MB + (nonBlocking * KEPT_BYTES_PER_INVOCATION) / 2 ** 20;
  assert.ok(grownMb < allowedMb, `the heap grew by ${grownMb.toFixed(1)} MB of ${allowedMb.toFixed(1)} MB allowed`);
});

test("kill -9 under load: no record is torn, and what was acknowledged is there", async (t) => {
  const acknowledgements = casesOf(4_000);
  const survivors = await crashUnderLoad({ acknowledgements });
  report(t, survivors);
  assert.ok(survivors.acknowledged >= acknowledgements && survivors.records >= survivors.acknowledged);
});

const requests = casesOf(20_000);
test(`${requests} generated requests: no 500 of ours, no crash`, async (t) => {
  const seed = isSoak ? Date.now() % 1_000_000 : 7;
  const { answers, byStatus } = await fuzz(server, { requests, seed });
  report(t, { seed, byStatus });
  assert.equal(answers, requests);
});

function report(t: { diagnostic(message: string): void }, figures: LoadReport | object): void {
  t.diagnostic(JSON.stringify(figures));
}
