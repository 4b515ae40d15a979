/** The codec of events.ts and the rule of plan.ts. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeEvent, encodeEvent, isLeaseEvent, MAX_EVENT_LENGTH, RUN_EVENT_TYPES, type RunEvent } from "./events.js";
import { newer } from "./plan.js";

const ID = "0123456789abcdef0123456789abcdef";
const K = `${ID}:[1].0#2/[1][2]:0`;
const EVENT: RunEvent = {
  type: "applied",
  activationId: ID,
  atMs: 5,
  k: K,
  lease: { no: 3, namespace: "guest", decision: `${ID}-1`, epoch: 2, limits: { cpuCores: 0.5, memoryMb: 256 }, node: "invoker0" },
};

describe("events", () => {
  it("come back as they were sent", () => {
    for (const type of RUN_EVENT_TYPES) assert.deepEqual(decodeEvent(encodeEvent({ ...EVENT, type })), { ...EVENT, type });
    const plain: RunEvent = { type: "end", activationId: ID, atMs: 1 };
    assert.deepEqual(decodeEvent(encodeEvent(plain)), plain);
    assert.deepEqual([isLeaseEvent(EVENT), isLeaseEvent(plain)], [true, false]);
  });

  it("fit into their bound with the longest names there are", () => {
    const name = "n".repeat(256);
    const lease = { ...EVENT.lease, namespace: name, decision: name, node: name, usedCoreMs: 1 / 3, usedMemoryMb: 1 / 3, repeatMs: 1 };
    const longest = { ...EVENT, k: "k".repeat(1024), lease } as RunEvent;
    assert.ok(encodeEvent(longest).length <= MAX_EVENT_LENGTH);
    assert.deepEqual(decodeEvent(encodeEvent(longest)), longest);
  });

  const broken: Record<string, unknown> = {
    "no text": 1,
    "no JSON": "{",
    "no object": "null",
    "a later format": JSON.stringify({ ...EVENT, v: 2 }),
    "no format": JSON.stringify(EVENT),
    "too long": encodeEvent({ ...EVENT, more: "x".repeat(MAX_EVENT_LENGTH) } as RunEvent),
    "an unknown type": encodeEvent({ ...EVENT, type: "exploded" as "end" }),
    "a foreign id": encodeEvent({ ...EVENT, activationId: "x" }),
    "no run key": encodeEvent({ type: "end", activationId: ID, atMs: 1, ...(EVENT.lease && { lease: EVENT.lease }) }),
    "throttled without a lease": encodeEvent({ type: "throttled", activationId: ID, atMs: 1, k: K }),
    "no cores": encodeEvent({ ...EVENT, lease: { ...(EVENT.lease as object), limits: { cpuCores: 0, memoryMb: 1 } } as never }),
    "a negative epoch": encodeEvent({ ...EVENT, lease: { ...(EVENT.lease as object), epoch: -1 } as never }),
  };
  for (const [what, text] of Object.entries(broken)) it(`are not believed: ${what}`, () => assert.equal(decodeEvent(text), undefined));

  it("whatever is read is an event or nothing, and never an error", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.anything()), (text) => {
        const event = decodeEvent(text);
        if (event) assert.ok(RUN_EVENT_TYPES.includes(event.type));
      }),
    );
  });
});

describe("newer", () => {
  it("takes a higher epoch of the same decision, and nothing else", () => {
    const has = { decision: "d", epoch: 3 };
    assert.equal(newer(has, { decision: "d", epoch: 4 }), true);
    for (const incoming of [has, { decision: "d", epoch: 2 }, { decision: "e", epoch: 9 }]) assert.equal(newer(has, incoming), false);
  });
});
