import assert from "node:assert/strict";
import { describe, it, mock } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import { Breaker, FIRST_PAUSE_MS } from "./breaker.js";

const away = () => Promise.reject(new HarvestError("OWH_STORE_UNAVAILABLE", "away"));
const fine = () => Promise.resolve("fine");

function setUp() {
  const states: string[] = [];
  let asked = 0;
  const breaker = new Breaker("The store", (state) => states.push(state));
  const run = (work: () => Promise<unknown>) =>
    breaker.run(() => {
      asked++;
      return work();
    });
  const fail = async (times: number) => {
    for (let n = 0; n < times; n++) await assert.rejects(run(away), { code: "OWH_STORE_UNAVAILABLE" });
  };
  return { run, fail, states, asked: () => asked };
}

describe("a breaker", () => {
  it("opens after five failures in a row, asks nothing while it is open, and closes with a success", async () => {
    mock.timers.enable({ apis: ["Date", "setTimeout"] });
    try {
      const { run, fail, states, asked } = setUp();
      await fail(4);
      await run(fine);
      await fail(5);
      assert.equal(asked(), 10);
      await fail(3);
      assert.equal(asked(), 10, "nothing was asked");
      mock.timers.tick(FIRST_PAUSE_MS);
      assert.equal(await run(fine), "fine");
      assert.deepEqual([states[0], states.at(-1)], ["open", "closed"]);
      await fail(1);
      assert.equal(await run(fine), "fine", "one failure does not open it");
    } finally {
      mock.timers.reset();
    }
  });

  it("waits longer after each attempt that failed", async () => {
    mock.timers.enable({ apis: ["Date", "setTimeout"] });
    try {
      const { fail, asked } = setUp();
      await fail(5);
      mock.timers.tick(FIRST_PAUSE_MS);
      await fail(1);
      assert.equal(asked(), 6);
      mock.timers.tick(FIRST_PAUSE_MS);
      await fail(1);
      assert.equal(asked(), 6, "twice as long this time");
      mock.timers.tick(FIRST_PAUSE_MS);
      await fail(1);
      assert.equal(asked(), 7);
    } finally {
      mock.timers.reset();
    }
  });

  it("takes a refusal for an answer", async () => {
    const { run, states } = setUp();
    for (let n = 0; n < 10; n++)
      await assert.rejects(
        run(() => Promise.reject(new HarvestError("OWH_BAD_COMPOSITION", "no"))),
        { code: "OWH_BAD_COMPOSITION" },
      );
    assert.deepEqual(states, []);
  });
});
