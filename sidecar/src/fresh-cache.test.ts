import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { HandClock, settled } from "@openwhisk-harvest/testkit";
import { FreshCache } from "./fresh-cache.js";

const FRESH_MS = 1_000;

function setUp({ keepsAbsence = false, capacity = 10 } = {}) {
  const clock = new HandClock();
  const store = { value: 1 as number | undefined, error: undefined as Error | undefined, loads: 0, reported: 0 };
  const load = async () => {
    store.loads++;
    await settled();
    if (store.error) throw store.error;
    return store.value;
  };
  const onLoadFailed = () => {
    store.reported++;
  };
  return { clock, store, cache: new FreshCache<number>({ load, freshMs: FRESH_MS, keepsAbsence, capacity, clock, onLoadFailed }) };
}

describe("FreshCache", () => {
  it("asks the store once for many at the same time, and not while the value is fresh", async () => {
    const { clock, store, cache } = setUp();
    assert.deepEqual(await Promise.all([cache.get("a"), cache.get("a")]), [1, 1]);
    await clock.advance(FRESH_MS);
    await cache.get("a");
    assert.equal(store.loads, 1);
  });

  it("uses a value once more while it looks for a newer one, but waits when it is twice as old", async () => {
    const { clock, store, cache } = setUp();
    await cache.get("a");
    store.value = 2;
    await clock.advance(FRESH_MS + 1);
    assert.equal(await cache.get("a"), 1);
    await settled();
    await settled();
    assert.equal(await cache.get("a"), 2);
    store.value = 3;
    await clock.advance(2 * FRESH_MS + 1);
    assert.equal(await cache.get("a"), 3);
  });

  it("keeps the old value while the store fails, and leaves the store alone for a second", async () => {
    const { clock, store, cache } = setUp();
    await cache.get("a");
    store.error = new Error("away");
    await clock.advance(10 * FRESH_MS);
    for (let i = 0; i < 5; i++) assert.equal(await cache.get("a"), 1);
    assert.deepEqual([store.loads, store.reported], [2, 1]);
    store.error = undefined;
    store.value = 2;
    await clock.advance(1_000);
    assert.equal(await cache.get("a"), 2);
  });

  it("fails callers that have nothing to fall back on, and tries again after a second", async () => {
    const { clock, store, cache } = setUp();
    store.error = new Error("away");
    await assert.rejects(cache.get("a"), /away/);
    await assert.rejects(cache.get("a"), /away/);
    assert.equal(store.loads, 1);
    store.error = undefined;
    await clock.advance(1_000);
    assert.equal(await cache.get("a"), 1);
  });

  it("remembers that there is none only if told to", async () => {
    for (const keepsAbsence of [true, false]) {
      const { store, cache } = setUp({ keepsAbsence });
      store.value = undefined;
      assert.equal(await cache.get("a"), undefined);
      store.value = 1;
      assert.equal(await cache.get("a"), keepsAbsence ? undefined : 1);
    }
  });

  it("does not remember what was read before forget()", async () => {
    const { store, cache } = setUp();
    const reading = cache.get("a");
    cache.forget("a");
    assert.equal(await reading, 1);
    store.value = 2;
    assert.equal(await cache.get("a"), 2);
  });

  it("remembers no more keys than it may", async () => {
    const { store, cache } = setUp({ capacity: 2 });
    for (const key of ["a", "b", "c", "c", "b"]) await cache.get(key);
    assert.equal(store.loads, 3);
    await cache.get("a");
    assert.equal(store.loads, 4);
  });
});
