import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { encodeRequest } from "./reply.js";
import { PARSER_LIMITS, ProtocolError, RequestParser, UNAUTHENTICATED_LIMITS } from "./request-parser.js";

function parseAll(parser: RequestParser, chunks: readonly Buffer[]): Buffer[][] {
  return chunks.flatMap((chunk) => {
    parser.feed(chunk);
    const requests: Buffer[][] = [];
    for (let request = parser.next(); request; request = parser.next()) requests.push(request);
    return requests;
  });
}

function parse(text: string, limits = PARSER_LIMITS): string[][] {
  return parseAll(new RequestParser(limits), [Buffer.from(text, "latin1")]).map((request) =>
    request.map((word) => word.toString("latin1")),
  );
}

/** Cuts bytes at some positions. */
function cut(bytes: Buffer, at: readonly number[]): Buffer[] {
  const ends = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, n) => bytes.subarray(n === 0 ? 0 : ends[n - 1], end));
}

const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const pipeline = fc.array(fc.array(bytes, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 8 });

describe("request parser", () => {
  it("gives every request of a pipeline, however its bytes are split", () => {
    fc.assert(
      fc.property(pipeline, fc.array(fc.nat(), { maxLength: 20 }), (requests, cuts) => {
        const stream = Buffer.concat(requests.map(encodeRequest));
        const parser = new RequestParser();
        assert.deepEqual(parseAll(parser, cut(stream, cuts)), requests);
        assert.equal(parser.finishedBytes, stream.length);
        assert.equal(parser.waitingBytes, 0);
      }),
      { numRuns: 1_000 },
    );
  });

  it("request-parser.P1: throws nothing but ProtocolError on any bytes, and sees the same whatever the splits", () => {
    const noise = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array)),
      fc
        .array(fc.constantFrom("*", "$", "1", "2", "-", "0", "9", "\r\n", "\n", "PING", " ", "\0"), { maxLength: 40 })
        .map((parts) => Buffer.from(parts.join(""))),
    );
    const outcomeOf = (chunks: readonly Buffer[]) => {
      const parser = new RequestParser();
      const requests: Buffer[][] = [];
      try {
        for (const chunk of chunks) requests.push(...parseOne(parser, chunk));
        return { requests, waiting: parser.waitingBytes };
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
        return { error: error.message };
      }
    };
    const parseOne = (parser: RequestParser, chunk: Buffer) => parseAll(parser, [chunk]);
    fc.assert(
      fc.property(noise, fc.array(fc.nat(), { maxLength: 10 }), (stream, cuts) => {
        assert.deepEqual(outcomeOf(cut(stream, cuts)), outcomeOf([stream]));
      }),
      { numRuns: 2_000 },
    );
  });

  it("reads inline requests, and passes over empty ones", () => {
    assert.deepEqual(parse("PING\r\n  GET   a\n\r\n*0\r\n*-1\r\n*1\r\n$4\r\nQUIT\r\n"), [["PING"], ["GET", "a"], ["QUIT"]]);
  });

  it("copies what it gives: later chunks do not change it", () => {
    const parser = new RequestParser();
    const chunk = encodeRequest(["SET", "a", "value"]);
    const [request] = parseAll(parser, [chunk]);
    chunk.fill(0);
    assert.deepEqual(request?.map(String), ["SET", "a", "value"]);
  });

  for (const [text, message] of [
    ["*x\r\n", "invalid multibulk length"],
    ["*99999999999\r\n", "invalid multibulk length"],
    ["*2000000\r\n", "invalid multibulk length"],
    ["*1\r\nPING\r\n", "expected '$', got 'P'"],
    ["*1\r\n\x01\r\n", "expected '$', got '?'"],
    ["*1\r\n$-1\r\n", "invalid bulk length"],
    ["*1\r\n$x\r\n", "invalid bulk length"],
    ["*1\r\n$99999999\r\n", "invalid bulk length"],
    [`*${"1".repeat(70_000)}`, "too big mbulk count string"],
    [`*1\r\n$${"1".repeat(70_000)}`, "too big bulk count string"],
    ["x".repeat(70_000), "too big inline request"],
  ] as const)
    it(`refuses ${JSON.stringify(text.slice(0, 20))}: ${message}`, () => {
      assert.throws(() => parse(text), new ProtocolError(message));
    });

  it("request-parser.P2: refuses a request by its announced length, before its bytes come", () => {
    const limits = { ...PARSER_LIMITS, maxRequestBytes: 100 };
    assert.throws(() => parse("*2\r\n$50\r\n", { ...limits, maxRequestBytes: 40 }), ProtocolError);
    assert.throws(() => parse(`*3\r\n$50\r\n${"x".repeat(50)}\r\n$50\r\n`, limits), ProtocolError);
    assert.throws(() => parse("*11\r\n", UNAUTHENTICATED_LIMITS), new ProtocolError("unauthenticated multibulk length"));
  });

  it("joins a large body once, not with every chunk", () => {
    const body = Buffer.alloc(32 << 20, 1);
    const stream = encodeRequest(["SET", "a", body]);
    const chunks: Buffer[] = [];
    for (let at = 0; at < stream.length; at += 1_024) chunks.push(stream.subarray(at, at + 1_024));
    const sinceMs = performance.now();
    const [request] = parseAll(new RequestParser(), chunks);
    assert.ok(body.equals(request?.[2] as Buffer));
    // 32,768 chunks: joined each time, this would copy 512 GB.
    assert.ok(performance.now() - sinceMs < 10_000);
  });
});
