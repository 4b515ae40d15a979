/** Log lines and their collection (openwhisk-protocol, 4.4). Rules activation-logs.L1 to activation-logs.L3. */
import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type Clock, systemClock } from "@openwhisk-harvest/core";
import { HandClock } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { formatLogLine, LogCollector } from "./activation-logs.js";
import { LogLines, SENTINEL } from "./log-lines.js";
import { LogBuffer, type LogText } from "./log-text.js";

function linesOf(chunks: readonly Buffer[]): { lines: string[]; sentinels: number } {
  const lines: string[] = [];
  let sentinels = 0;
  const cutter = new LogLines({ line: (text) => lines.push(text.toString()), sentinel: () => sentinels++ });
  for (const chunk of chunks) cutter.push(chunk);
  cutter.end();
  return { lines, sentinels };
}

test("lines come out as written, however the stream is cut", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 }).map((line) => line.replaceAll(/[\r\n]/g, ""));
  fc.assert(
    fc.property(fc.array(text), fc.array(fc.nat({ max: 500 })), (lines, cuts) => {
      const bytes = Buffer.from(`${[...lines, SENTINEL].join("\n")}\n`);
      const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
      const chunks = at.slice(1).map((end, i) => bytes.subarray(at[i], end));
      assert.deepEqual(linesOf(chunks), { lines, sentinels: 1 });
    }),
  );
});

test("a sentinel ends a line that the function left unfinished, and is no sentinel in the middle of one", () => {
  const { lines, sentinels } = linesOf([Buffer.from(`no newline${SENTINEL}\n${SENTINEL} is our sentinel\r\nend`)]);
  assert.deepEqual([lines, sentinels], [["no newline", `${SENTINEL} is our sentinel`, "end"], 1]);
});

test("a line longer than 16 KiB comes in pieces, as from Docker, and hides no sentinel", () => {
  const long = "x".repeat(40_000);
  for (const chunkBytes of [1, 7, 16_384, 16_400, 50_000]) {
    const bytes = Buffer.from(`${long}${SENTINEL}\n`);
    const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, i) =>
      bytes.subarray(i * chunkBytes, (i + 1) * chunkBytes),
    );
    const { lines, sentinels } = linesOf(chunks);
    assert.deepEqual([lines.join(""), sentinels], [long, 1]);
    assert.ok(lines.every((line) => line.length <= 16_384));
  }
});

test("the time takes exactly the 30 characters of OpenWhisk's format", () => {
  assert.equal(formatLogLine(Date.UTC(2026, 7, 5, 17, 13, 20, 200), "stdout", "hello"), "2026-08-05T17:13:20.200000000Z stdout: hello");
});

function collector(clock: Clock = systemClock) {
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const logs = new LogCollector({ stdout, stderr }, clock);
  return { stdout, stderr, logs, textOf: (text: LogText) => text.lines().map((line) => line.slice(31)) };
}

test("a collection waits for both sentinels and shows neither (activation-logs.L2)", async () => {
  const { stdout, stderr, logs, textOf } = collector();
  const collected = logs.collect(1000);
  stdout.write(`a\n${SENTINEL}\n`);
  setTimeout(() => stderr.write(`b\n${SENTINEL}\n`), 20);
  const { text, truncated, incomplete } = await collected;
  assert.deepEqual([textOf(text), truncated, incomplete], [["stdout: a", "stderr: b"], false, false]);
});

test("activation-logs.L1: a function that prints the sentinel itself keeps all its lines in its own activation", async () => {
  const { stdout, stderr, logs, textOf } = collector();
  stdout.write(`a\n${SENTINEL}\nafter mine\n`);
  stdout.write(`${SENTINEL}\n`);
  stderr.write(`${SENTINEL}\n`);
  assert.deepEqual(textOf((await logs.collect(1000)).text), ["stdout: a", "stdout: after mine"]);
  stdout.write(`next\n${SENTINEL}\n`);
  stderr.write(`${SENTINEL}\n`);
  assert.deepEqual(textOf((await logs.collect(1000)).text), ["stdout: next"]);
});

test("a stream that ends needs no sentinel to be collected, but one is missed", async () => {
  const { stdout, stderr, logs, textOf } = collector();
  stdout.write("last words");
  stdout.destroy();
  stderr.end(`${SENTINEL}\n`);
  const { text, incomplete } = await logs.collect(1000);
  assert.deepEqual([textOf(text), incomplete], [["stdout: last words"], true]);
});

test("without sentinels the collection ends when its time is over, with what there is", async () => {
  const clock = new HandClock();
  const { stdout, logs, textOf } = collector(clock);
  const collected = logs.collect(1000);
  stdout.write("only this\n");
  await clock.advance(10_000);
  const { text, incomplete } = await collected;
  assert.deepEqual([textOf(text), incomplete], [["stdout: only this"], true]);
});

test("no more bytes than the limit are given, and the next activation starts anew", async () => {
  const { stdout, stderr, logs, textOf } = collector();
  const end = () => {
    stdout.write(`${SENTINEL}\n`);
    stderr.write(`${SENTINEL}\n`);
  };
  stdout.write("four\nfour\nfour\n"); // 44 bytes each: 30 of the time, " stdout: ", the text and its end
  end();
  const cut = await logs.collect(3 * 44 - 1);
  assert.deepEqual([textOf(cut.text), cut.truncated], [["stdout: four", "stdout: four"], true]);
  stdout.write("four\n");
  end();
  const whole = await logs.collect(44);
  assert.deepEqual([textOf(whole.text), whole.truncated], [["stdout: four"], false]);
});

test("activation-logs.L3: what is not collected is bounded", async () => {
  const { stdout, stderr, logs } = collector();
  const megabyte = `${`${"x".repeat(1023)}\n`.repeat(1024)}`;
  for (let i = 0; i < 12; i++) stdout.write(megabyte);
  stdout.write(`${SENTINEL}\n`);
  stderr.write(`${SENTINEL}\n`);
  const { text, truncated } = await logs.collect(Number.POSITIVE_INFINITY);
  const lineBytes = 30 + " stdout: ".length + 1024;
  assert.deepEqual([text.lines().length, truncated], [Math.floor((10 * 1024 * 1024) / lineBytes), true]);
});

test("where no sentinels are expected, what has arrived is the log, whole; those that come all the same are not shown", async () => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const sleeps: number[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    monotonicMs: () => 0,
    sleep: (ms, signal) => {
      sleeps.push(ms);
      return systemClock.sleep(ms, signal);
    },
  };
  const collector = new LogCollector(streams, clock, { sentinelsExpected: false });
  const texts = async () => {
    const { text, incomplete } = await collector.collect(1_000);
    return [text.lines().map((line) => line.slice(31)), incomplete];
  };
  streams.stdout.write("one\n");
  assert.deepEqual(await texts(), [["stdout: one"], false]);
  streams.stdout.write(`two\n${SENTINEL}\n`);
  streams.stderr.write(`${SENTINEL}\n`);
  assert.deepEqual(await texts(), [["stdout: two"], false]);
  assert.ok(
    sleeps.every((ms) => ms <= 50),
    "no run waits two seconds for sentinels that may never come",
  );
});

test("activation-logs.L4: what is over the limit is passed over to the sentinel, and the run after it is whole", async () => {
  const { stdout, stderr, logs, textOf } = collector();
  stdout.write("x\n".repeat(300_000)); // 41 bytes each as they are kept
  stdout.write(`${"y\n".repeat(1_000)}unfinished${SENTINEL}\n`);
  stderr.write(`${SENTINEL}\n`);
  const { text, truncated, incomplete } = await logs.collect(Number.POSITIVE_INFINITY);
  assert.deepEqual([truncated, incomplete], [true, false]);
  assert.ok(text.bytes <= 10 * 1024 * 1024 && text.bytes > 10 * 1024 * 1024 - 41);
  stdout.write(`next\n${SENTINEL}\n`);
  stderr.write(`${SENTINEL}\n`);
  assert.deepEqual(textOf((await logs.collect(1000)).text), ["stdout: next"]);
});

test("activation-logs.L4: sentinels are found however what is passed over is cut", () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom("a\n", "long line", `${SENTINEL}\n`, `${SENTINEL}\r\n`, SENTINEL)),
      fc.array(fc.nat()),
      (parts, cuts) => {
        const bytes = Buffer.from(`${parts.join("")}\n`);
        let found = 0;
        const cutter = new LogLines({ line: () => assert.fail("a line came"), sentinel: () => found++ });
        const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
        for (const [i, start] of at.slice(0, -1).entries()) cutter.passOver(bytes.subarray(start, at[i + 1]));
        assert.equal(found, linesOf([bytes]).sentinels);
      },
    ),
  );
});

test("lines are kept as bytes, in pieces that end with a line, and cut at the limit", () => {
  const head = Buffer.from("head ");
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), fc.nat({ max: 400 }), (texts, limitBytes) => {
      const buffer = new LogBuffer(1_000);
      const kept = texts.filter((text) => buffer.add(head, Buffer.from(text.replaceAll("\n", " "))));
      const { text, truncated } = buffer.take(limitBytes);
      for (const piece of text.pieces()) assert.equal(piece.at(-1), 10);
      const lines = kept.map((line) => `head ${Buffer.from(line.replaceAll("\n", " ")).toString()}`);
      assert.deepEqual(text.lines(), lines.slice(0, text.lines().length));
      assert.ok(text.bytes <= limitBytes);
      assert.equal(truncated, text.lines().length < lines.length);
      assert.equal(buffer.take(1_000).text.bytes, 0);
    }),
  );
});
