import assert from "node:assert/strict";
import { test } from "node:test";
import { greedyJsq } from "@openwhisk-harvest/placement";
import fc from "fast-check";
import { ShimCore } from "./shim-core.js";
import { Hand, id, message, ping, settings } from "./shim-core.kit.js";

test("invoker-watch.W1: an invoker gets nothing before it has pinged and passed a test, and nothing is wanted from Kafka until then", () => {
  const hand = new Hand();
  assert.equal(hand.core.wantsMore, false);
  hand.on({ type: "ping", timestampMs: hand.nowMs, value: ping(3) });
  assert.equal(hand.core.isReady, false, "it has not been tested");
  hand.on({ type: "tick" });
  assert.equal(hand.core.isReady, true);
  assert.equal(hand.core.wantsMore, true);
});

test("invoker-watch.W2, pitfall 23: pings that lay in the topic for longer than the timeout count for nothing", () => {
  const hand = new Hand();
  hand.on({ type: "ping", timestampMs: hand.nowMs - 10_001, value: ping(3) });
  hand.on({ type: "tick" });
  assert.equal(hand.core.isReady, false);
});

test("pitfall 16: one disabled ping takes an invoker out at once, and what it runs still ends", () => {
  const hand = new Hand().invokers(1, 2);
  hand.activation(1, { cause: id(99) });
  hand.on({ type: "ping", timestampMs: hand.nowMs, value: ping(1, false) });
  hand.activation(2, { cause: id(99) });
  assert.deepEqual(hand.forwarded, [
    { n: 1, invoker: 1 },
    { n: 2, invoker: 2 },
  ]);
  hand.ack(1, 1);
  assert.deepEqual(hand.told(1), [{ instance: 0 }]);
});

test("shim-core.S1: a record that is read again, and one that an earlier term has forwarded, are not forwarded", () => {
  const hand = new Hand();
  hand.core = new ShimCore(settings, greedyJsq, 0n, 2n);
  hand.on({ type: "recovered", invoker: 1, timestampMs: hand.nowMs, value: message(1) });
  hand.invokers(1);
  hand.ack(1, 1);
  hand.core.committed();
  hand.activation(1);
  hand.activation(2);
  hand.on({ type: "activation", offset: 1n, timestampMs: hand.nowMs, value: message(2) });
  assert.deepEqual(hand.forwarded, [{ n: 2, invoker: 1 }], "the first had ended before its record was read again");
  assert.equal(hand.core.counts.repeated, 1);
});

test("shim-core.S3, pitfall 14: no more is forwarded than the invoker can start; the rest waits and goes when permits come back", () => {
  const hand = new Hand().invokers(1);
  for (let n = 1; n <= 6; n++) hand.activation(n);
  assert.equal(hand.forwarded.length, 4, "1024 MB hold four of 256 MB");
  hand.ack(1, 1);
  assert.equal(hand.forwarded.length, 5);
});

test("shim-core.S2: one that waits past the deadline is told a whisk error by the virtual invoker, and without a blocking client a bare completion", () => {
  const hand = new Hand().invokers(1);
  for (let n = 1; n <= 6; n++) hand.activation(n, { blocking: n !== 6 });
  hand.advance(49_000, 1);
  assert.deepEqual(hand.told(5), []);
  hand.advance(1_000, 1);
  assert.deepEqual(hand.told(5), [{ statusCode: 3, error: "No invoker had room for the activation in time.", instance: 0 }]);
  assert.deepEqual(hand.told(6), [], "no client waits for it, so it may wait for longer");
  hand.advance(50_000, 1);
  assert.deepEqual(hand.told(6), [{ instance: 0 }]);
  assert.equal(hand.core.committable, 6n, "shim-core.S5: all have been dealt with");
});

test("pitfall 15: what a dead invoker had is told as failed after the grace, its permits come back, and a late end changes nothing (shim-core.S6)", () => {
  const hand = new Hand().invokers(1, 2);
  hand.activation(1);
  hand.advance(10_000, 2);
  hand.advance(19_000, 2);
  assert.deepEqual(hand.told(1), []);
  hand.advance(3_000, 2);
  assert.equal(hand.told(1)[0]?.error, "Invoker 1 is gone and has not told the activation's end.");
  hand.invokers(1);
  hand.ack(1, 1);
  assert.equal(hand.core.counts.late, 1);
  for (let n = 10; n < 20; n++) hand.activation(n);
  assert.equal(hand.forwarded.filter(({ n, invoker }) => n >= 10 && invoker === 1).length, 4, "its whole capacity, once");
});

test("pitfalls 9 and 10: an end that no invoker tells is told before the controller's own timeout, which would cost the virtual invoker's health", () => {
  const hand = new Hand().invokers(1);
  hand.activation(1);
  hand.advance(169_000, 1);
  assert.deepEqual(hand.told(1), []);
  hand.advance(2_000, 1);
  assert.equal(hand.told(1)[0]?.statusCode, 3);
});

test("pitfall 9: four system errors of ten take the real invoker out, and no controller hears of one", () => {
  const hand = new Hand().invokers(1);
  for (let n = 1; n <= 4; n++) {
    hand.activation(n);
    hand.ack(n, 1, true);
  }
  assert.equal(hand.core.isReady, false);
  for (const effect of hand.effects)
    if (effect.type === "ack") assert.doesNotMatch(effect.value.toString("utf8"), /isSystemError":\s*true/);
});

test("pitfall 7: a health test is answered with its own transid, byte by byte, and is not forwarded", () => {
  const hand = new Hand().invokers(1);
  const value = message(7, { name: "invokerHealthTestAction0" })
    .toString("utf8")
    .replace('["t7",1]', '["sid_invokerHealth",1785949000555]');
  const [effect] = hand.on({ type: "activation", offset: 0n, timestampMs: hand.nowMs, value: Buffer.from(value) });
  assert.ok(effect?.type === "ack");
  assert.match(effect.value.toString("utf8"), /"transid":\["sid_invokerHealth",1785949000555\]/);
  assert.deepEqual(hand.forwarded, []);
});

test("pitfall 20: what cannot be read is dropped, and does not hold up the offset", () => {
  const hand = new Hand().invokers(1);
  hand.on({ type: "activation", offset: 0n, timestampMs: hand.nowMs, value: Buffer.from('{"activationId":"x"') });
  hand.on({ type: "ack", controller: "0", value: Buffer.from("[]") });
  assert.equal(hand.core.counts.unreadable, 2);
  assert.equal(hand.core.committable, 1n);
});

test("keys for agents go with the forwarding: a component's by its activation, a session's by its cause, a sequence's to all its elements", () => {
  const hand = new Hand().invokers(1, 2);
  const R = id(500);
  const k = `${R}:/[0]:0`;
  hand.activation(1, { cause: id(70), content: `{"$harvest":{"k":"${k}","d":"dec"}}` });
  hand.activation(2, { cause: id(70) });
  hand.activation(3, { cause: id(80), content: `{"$composer":{"harvest":{"root":"${R}","trail":""}}}` });
  hand.activation(4, { cause: id(80), content: `{"$harvest":{"k":"${k}"}}` });
  hand.activation(5, { cause: id(80) });
  hand.activation(6, { content: `{"$harvest":{"k":"${k}"}}` });
  const keys = hand.effects.flatMap((effect) => (effect.type === "forward" ? [effect.keys] : []));
  assert.deepEqual(keys, [
    [{ key: `harvest:act:${id(1)}`, value: { v: 1, k, d: "dec" } }],
    [{ key: `harvest:act:${id(2)}`, value: { v: 1, k, d: "dec" } }],
    [{ key: `harvest:cause:${id(80)}`, value: { v: 1, R, trail: "" } }],
    [{ key: `harvest:act:${id(4)}`, value: { v: 1, k } }],
    [],
    [],
  ]);
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("activation" as const), blocking: fc.boolean(), cause: fc.constantFrom(undefined, 90, 91) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("ack" as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again" as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("forwarded" as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("disable" as const), invoker: fc.constantFrom(1, 2) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("time" as const), ms: fc.integer({ min: 100, max: 30_000 }), pinging: fc.subarray([1, 2]) }),
  },
);

test("shim-core.S1, shim-core.S2, shim-core.S5, shim-core.S6: whatever comes in whatever order, each is forwarded at most once, ends once, and permits all come back", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const hand = new Hand().invokers(1, 2);
      hand.hold = true;
      let count = 0;
      let offset = 0n;
      const read = (n: number, at: bigint, over = {}) =>
        hand.on({ type: "activation", offset: at, timestampMs: hand.nowMs, value: message(n, over) });
      for (const s of steps) {
        if (s.kind === "activation")
          read(++count, offset++, { blocking: s.blocking, ...(s.cause !== undefined && { cause: id(s.cause) }) });
        else if (s.kind === "again" && count > 0) read((s.which % count) + 1, BigInt(s.which % count));
        else if (s.kind === "ack") {
          const run = hand.forwarded[s.which % Math.max(1, hand.forwarded.length)];
          if (run) hand.ack(run.n, run.invoker);
        } else if (s.kind === "forwarded") for (const { n } of hand.forwarded) hand.on({ type: "forwarded", activationId: id(n) });
        else if (s.kind === "disable") hand.on({ type: "ping", timestampMs: hand.nowMs, value: ping(s.invoker, false) });
        else if (s.kind === "time") hand.advance(s.ms, ...s.pinging);
        const open = hand.effects.filter((effect) => effect.type === "forward").length;
        assert.ok(hand.core.committable <= offset && open <= count, "shim-core.S5");
      }
      for (const { n } of hand.forwarded) hand.on({ type: "forwarded", activationId: id(n) });
      hand.advance(400_000, 1, 2);
      for (const { n } of hand.forwarded) hand.on({ type: "forwarded", activationId: id(n) });
      hand.advance(400_000, 1, 2);
      assert.equal(new Set(hand.forwarded.map(({ n }) => n)).size, hand.forwarded.length, "shim-core.S1");
      for (let n = 1; n <= count; n++) assert.ok(hand.told(n).length >= 1, `shim-core.S2: ${n}`);
      assert.equal(hand.core.inFlight, 0);
      assert.equal(hand.core.committable, offset, "shim-core.S5");
      const before = hand.forwarded.length;
      for (let n = 0; n < 8; n++) read(1_000 + n, offset++);
      assert.equal(hand.forwarded.length - before, 8, "shim-core.S6: two invokers of 1024 MB hold eight of 256 MB");
    }),
    { numRuns: 200 },
  );
});
