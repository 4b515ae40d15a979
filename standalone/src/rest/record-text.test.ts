import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import fc from "fast-check";
import { LogBuffer } from "../container/log-text.js";
import { recordOf } from "../storage/storage.contract.js";
import { recordsText, recordText, streamOf } from "./record-text.js";
import { activationView } from "./render.js";

const line = fc.string({ unit: "grapheme" }).map((text) => Buffer.from(text.replaceAll("\n", " ")).toString());

function longLogsOf(lines: readonly string[]) {
  const buffer = new LogBuffer(Number.POSITIVE_INFINITY);
  for (const each of lines) buffer.add(Buffer.alloc(0), Buffer.from(each));
  return buffer.take(Number.POSITIVE_INFINITY).text;
}

test("a record with long logs is the JSON that it would be with all of them in it", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.array(line), fc.nat({ max: 20_000 }), async (long, logs, empty) => {
      const lines = [...long, ...Array<string>(empty).fill("")];
      const record = { ...recordOf(1), logs, longLogs: longLogsOf(lines) };
      const { longLogs: _, ...short } = record;
      const whole = { ...short, logs: [...lines, ...logs] };
      const parsed = JSON.parse(await text(streamOf(recordText(activationView(record), record))));
      assert.deepEqual(parsed, JSON.parse(JSON.stringify(activationView(whole))));
      assert.deepEqual(JSON.parse(await text(streamOf(recordText({}, record)))), { logs: whole.logs });
    }),
    { numRuns: 30 },
  );
});

test("a list is an array, of none or of many", async () => {
  const records = [recordOf(1), { ...recordOf(2), longLogs: longLogsOf(["a", "b"]) }, recordOf(3, { logs: [] })];
  for (const some of [[], records.slice(0, 1), records]) {
    const list = JSON.parse(
      await text(
        streamOf(
          recordsText(
            (async function* () {
              yield* some;
            })(),
            activationView,
          ),
        ),
      ),
    );
    assert.deepEqual(
      list.map(({ logs }: { logs: string[] }) => logs),
      [records[0]?.logs, ["a", "b", ...(records[1]?.logs ?? [])], []].slice(0, some.length),
    );
  }
});
