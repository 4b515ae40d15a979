import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asVirtual, readAck, shrunk } from "./ack-message.js";
import { readActivation, travellingKeys } from "./activation-message.js";
import { readPing, virtualPing } from "./messages.js";
import { OffsetTracker } from "./offset-tracker.js";
import { readCapacities } from "./settings.js";
import { topLevelMembers } from "./top-level.js";
import { idsOf, schedulerTopics } from "./topics.js";

const ID = "44d3b8a1e6f24c0f93b8a1e6f2bc0f11";
const INSTANCE = `{"instance":12,"userMemory":"2147483648 B","instanceType":"invoker","tags":[],"dedicatedNamespaces":[],"uniqueName":"0"}`;

test("top-level members are where JSON.parse finds them, whatever stands between", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, 2), (object, space) => {
      const bytes = Buffer.from(JSON.stringify(object, null, space));
      const members = topLevelMembers(bytes);
      assert.deepEqual([...members.keys()].length, Object.keys(JSON.parse(bytes.toString())).length);
      for (const [name, { from, to }] of members)
        assert.deepEqual(JSON.parse(bytes.toString("utf8", from, to)), JSON.parse(bytes.toString())[JSON.parse(`"${name}"`)]);
    }),
    { numRuns: 500 },
  );
});

test("anything that is no object is refused, and nothing hangs", () => {
  for (const text of ["", "[]", "1", "{", '{"a"', '{"a":', '{"a":1', '{"a":{', '{"a":"x', '{"a":1 "b":2}', "{a:1}"])
    assert.throws(() => topLevelMembers(Buffer.from(text)), { code: "OWH_BAD_REQUEST" });
  fc.assert(
    fc.property(fc.string(), (text) => {
      try {
        topLevelMembers(Buffer.from(text));
      } catch (error) {
        assert.equal((error as { code?: string }).code, "OWH_BAD_REQUEST");
      }
    }),
  );
});

test("pitfalls 5, 6, 8 and 9: only the invoker's number and a system error are edited, the message gets no longer, and numbers stay", () => {
  const user = `{"instance":{"instance":7},"isSystemError":true,"big":12345678901234567890.1234567890,"text":"\\"instance\\":{"}`;
  const response = `{"namespace":"guest","activationId":"${ID}","response":{"statusCode":3,"result":${user}}}`;
  const orders = [
    `{"transid":["t",1785950000123],"response":${response},"isSystemError":true,"instance":${INSTANCE}}`,
    `{"instance":${INSTANCE},"response":${response},"transid":["t",1785950000123],"isSystemError":true}`,
    `{ "isSystemError" : true , "instance" : ${INSTANCE} , "transid":["t",1785950000123], "response" : ${response} }`,
  ];
  for (const text of orders) {
    const bytes = Buffer.from(text);
    const edited = asVirtual(readAck(bytes), 0);
    assert.ok(edited.length <= bytes.length);
    const { instance, isSystemError } = JSON.parse(edited.toString());
    assert.deepEqual([instance, isSystemError], [{ ...JSON.parse(INSTANCE), instance: 0 }, undefined]);
    assert.ok(edited.includes(response), "what the function returned is untouched");
    const small = JSON.parse(shrunk(readAck(bytes), 0).toString());
    assert.deepEqual([small.response, small.instance.instance, small.isSystemError], [ID, 0, undefined]);
  }
});

test("the three kinds of acknowledgements, and shrunk ones, are told apart", () => {
  const completion = `{"transid":[],"activationId":"${ID}","isSystemError":false,"instance":${INSTANCE}}`;
  const result = `{"transid":[],"response":{"activationId":"${ID}"}}`;
  const shrunkResult = `{"transid":[],"response":"${ID}"}`;
  const combined = `{"transid":[],"response":"${ID}","isSystemError":true,"instance":${INSTANCE}}`;
  const kinds = [completion, result, shrunkResult, combined].map((text) => {
    const { kind, activationId, invoker, isSystemError } = readAck(Buffer.from(text));
    return [kind, activationId, invoker, isSystemError];
  });
  assert.deepEqual(kinds, [
    ["completion", ID, 12, false],
    ["result", ID, undefined, false],
    ["result", ID, undefined, false],
    ["combined", ID, 12, true],
  ]);
  for (const text of ["{}", `{"activationId":"${ID}"}`, `{"response":1}`, `{"activationId":"x","instance":${INSTANCE}}`])
    assert.throws(() => readAck(Buffer.from(text)), { code: "OWH_BAD_REQUEST" });
});

test("an activation is read by OpenWhisk's own shape, and an error never quotes it", () => {
  const text =
    `{"transid":["k0tJ",1785950000123,["p",1]],"action":{"path":"guest/pkg","name":"hello","version":"0.0.3","binding":"x"},"revision":null,` +
    `"user":{"subject":"guest","namespace":{"name":"guest","uuid":"23bc"},"authkey":{"api_key":"23bc:SECRET"}},"activationId":"${ID}",` +
    `"rootControllerIndex":{"asString":"0","instanceType":"controller"},"blocking":true,"content":{"name":"Ada"},"initArgs":[],"lockedArgs":{},"cause":"${ID}"}`;
  assert.deepEqual(readActivation(Buffer.from(text)), {
    activationId: ID,
    transid: '["k0tJ",1785950000123,["p",1]]',
    action: "guest/pkg/hello",
    version: "0.0.3",
    namespace: "guest",
    subject: "guest",
    controller: "0",
    blocking: true,
    cause: ID,
    isHealthTest: false,
  });
  assert.deepEqual(travellingKeys(Buffer.from(text)), {});
  const broken = text.replace(`"subject":"guest",`, "");
  assert.throws(
    () => readActivation(Buffer.from(broken)),
    (error: Error) => !/SECRET|Ada/.test(`${error.message}${error.stack}`),
  );
});

test("pings: what invokers print, and what the virtual one prints", () => {
  const of = (name: string, rest = "") => readPing(Buffer.from(`{"name":${name}${rest}}`));
  assert.deepEqual(of(INSTANCE, `,"isEnabled":false`), { instance: 12, uniqueName: "0", userMemoryMb: 2048, isEnabled: false });
  assert.equal(of(INSTANCE)?.isEnabled, true, "missing is true");
  assert.equal(of(INSTANCE.replace("2147483648 B", "16384GB"))?.userMemoryMb, 16_777_216);
  assert.equal(of(INSTANCE.replace('"invoker"', '"controller"')), undefined);
  assert.equal(readPing(Buffer.from("no json")), undefined);
  assert.deepEqual(readPing(virtualPing(0, true)), { instance: 0, userMemoryMb: 2 ** 30, isEnabled: true });
});

test("an offset is committable when nothing before it is open", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 40 }), (order) => {
      const tracker = new OffsetTracker(0n);
      const open = new Set<number>();
      let next = 0;
      for (const n of order) {
        if (n % 2 === 0) {
          assert.equal(tracker.read(BigInt(next)), true);
          open.add(next++);
        } else if (open.delete(n)) tracker.done(BigInt(n));
        assert.equal(tracker.committable, BigInt(Math.min(next, ...open)));
        if (next > 0) assert.equal(tracker.read(BigInt(next - 1)), false);
      }
    }),
  );
});

test("capacities of single invokers, and topics of the FPC scheduler", () => {
  assert.deepEqual(
    readCapacities("0=8x16384, big=0.5x65536"),
    new Map([
      ["0", { cpuCores: 8, memoryMb: 16_384 }],
      ["big", { cpuCores: 0.5, memoryMb: 65_536 }],
    ]),
  );
  assert.throws(() => readCapacities("0=8"), { code: "OWH_BAD_CONFIG" });
  assert.deepEqual(schedulerTopics(["scheduler0", "creationAck0", "invoker0", "xscheduler0", "schedulers"], ""), [
    "scheduler0",
    "creationAck0",
  ]);
  assert.deepEqual(schedulerTopics(["p-scheduler3", "scheduler0"], "p-"), ["p-scheduler3"]);
  assert.deepEqual(idsOf(["r-completed0", "completed1", "r-completed"], "r-", "completed"), ["0"]);
});
