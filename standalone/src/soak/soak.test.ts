/** A tenth of the soak in every test run: load, crash and fuzz. The whole is `npm run soak`. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestStandalone, type TestStandalone } from "../standalone.test.kit.js";
import { crashUnderLoad } from "./crash.test.support.js";
import { fuzz } from "./fuzz.test.support.js";
import { blockingLoad, LOAD_FLAGS, nonBlockingLoad } from "./load.test.support.js";

let server: TestStandalone;
before(async () => {
  server = await startTestStandalone(LOAD_FLAGS);
});
after(() => server.close());

test("500 blocking invocations at 64 in flight: none lost, none doubled, every one with a record", async () => {
  await blockingLoad(server, { invocations: 500, inFlight: 64 });
});

test("2,000 non-blocking invocations: none lost, none doubled, every one with a record", async () => {
  await nonBlockingLoad(server, { invocations: 2_000, inFlight: 64 });
});

test("kill -9 under load: no record is torn, and what was acknowledged is there", async () => {
  const { acknowledged, records } = await crashUnderLoad({ acknowledgements: 400 });
  assert.ok(acknowledged >= 400 && records >= acknowledged);
});

test("2,000 generated requests: no 500 of ours, no crash", async () => {
  const { answers } = await fuzz(server, { requests: 2_000, seed: 7 });
  assert.equal(answers, 2_000);
});
