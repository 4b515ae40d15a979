import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import fc from "fast-check";
import { demux } from "./demux.js";

function frame(stream: 1 | 2, content: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header[0] = stream;
  header.writeUInt32BE(content.length, 4);
  return Buffer.concat([header, content]);
}

test("each stream gets its frames, however the connection is cut", async () => {
  const frames = fc.array(fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.string()));
  await fc.assert(
    fc.asyncProperty(frames, fc.array(fc.nat({ max: 300 })), async (parts, cuts) => {
      const bytes = Buffer.concat(parts.map(([stream, content]) => frame(stream, Buffer.from(content))));
      const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
      const both = new PassThrough();
      const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
      const ended = demux(both, streams);
      const texts = Promise.all([text(streams.stdout), text(streams.stderr)]);
      for (const [i, start] of at.slice(0, -1).entries()) both.write(bytes.subarray(start, at[i + 1]));
      both.end();
      await ended;
      const of = (wanted: 1 | 2) => parts.flatMap(([stream, content]) => (stream === wanted ? [content] : [])).join("");
      assert.deepEqual(
        await texts,
        [of(1), of(2)].map((part) => Buffer.from(part).toString()),
      );
    }),
    { numRuns: 50 },
  );
});

test("a connection whose streams are not read is not read either", async () => {
  const both = new PassThrough();
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const ended = demux(both, streams);
  let isFull = false;
  for (let i = 0; i < 1_000 && !isFull; i++) {
    isFull = !both.write(frame(1, Buffer.alloc(1_024)));
    await new Promise(setImmediate);
  }
  assert.ok(isFull, "a megabyte was taken though none of it was read");
  await eventually(() => streams.stdout.readableLength > 0, "the first frames");
  streams.stdout.destroy();
  both.end();
  await ended;
});
