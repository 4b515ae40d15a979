import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { CompositionCache } from "./composition-cache.js";

test("the least recently used entry goes first when the cache is full", () => {
  const cache = new CompositionCache({ clock: new HandClock(), maxEntries: 2 });
  cache.remember("a", 1);
  cache.remember("b", 2);
  cache.remember("a", 1);
  cache.remember("c", 3);
  assert.deepEqual(
    ["a", "b", "c"].map((cause) => cache.lookup(cause)),
    [1, undefined, 3],
  );
  assert.equal(cache.size, 2);
});

test("an entry expires a while after its last use", async () => {
  const clock = new HandClock();
  const cache = new CompositionCache({ clock, ttlMs: 1000 });
  cache.remember("a", 1);
  await clock.advance(800);
  cache.remember("a", 1);
  await clock.advance(800);
  assert.equal(cache.lookup("a"), 1);
  await clock.advance(201);
  assert.equal(cache.lookup("a"), undefined);
  assert.equal(cache.size, 0);
});

test("an invoker is forgotten with all its compositions, the others stay", () => {
  const cache = new CompositionCache({ clock: new HandClock() });
  for (const [cause, invoker] of [
    ["a", 1],
    ["b", 2],
    ["c", 1],
  ] as const)
    cache.remember(cause, invoker);
  cache.forgetInvoker(1);
  assert.deepEqual(
    ["a", "b", "c"].map((cause) => cache.lookup(cause)),
    [undefined, 2, undefined],
  );
});

test("an activation without a cause has no entry", () => {
  assert.equal(new CompositionCache({ clock: new HandClock() }).lookup(undefined), undefined);
});
