/** From a container's answer to the user's (openwhisk-protocol, 4.2), row by row; texts of ErrorResponse.scala. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ContainerOutcome } from "../container/driver.js";
import { initResponse, runResponse } from "./response-mapping.js";

const answer = (httpStatus: number, body: string): ContainerOutcome => ({ type: "answer", httpStatus, body });
const cut: ContainerOutcome = {
  type: "answer",
  httpStatus: 200,
  body: '{"x":"yy',
  truncated: { lengthBytes: 1_048_600, maxBytes: 1_048_576 },
};
const CUT_TEXT =
  'The action produced a response that exceeded the allowed length: 1048600 > 1048576 bytes. The truncated response was: {"x":"yy';
const failed = (statusCode: number, error: unknown, size?: number) => ({
  statusCode,
  result: { error },
  ...(size === undefined ? {} : { size }),
});

const initRows: [string, ContainerOutcome, unknown][] = [
  ["200: go on", answer(200, '{"OK":true}'), undefined],
  ["200 with anything: go on", answer(200, ""), undefined],
  ["timeout", { type: "timeout" }, failed(2, "The action exceeded its time limits of 3000 milliseconds during initialization.")],
  ["died", { type: "no-answer" }, failed(2, "The action did not initialize and exited unexpectedly.")],
  ["out of memory", { type: "memory-exhausted" }, failed(2, "The action exhausted its memory and was aborted.")],
  ["non-200 with error", answer(502, '{"error":"why"}'), failed(2, "why", 15)],
  ["non-200 with an error object", answer(502, '{"error":{"a":1}}'), failed(2, { a: 1 }, 17)],
  ["non-200 without error", answer(502, '{"a":1}'), failed(2, 'The action failed during initialization: {"a":1}', 7)],
  ["non-200 without a body", answer(500, ""), failed(2, "The action failed during initialization.", 0)],
  ["truncated", cut, failed(2, CUT_TEXT, 1_048_600)],
];
for (const [name, outcome, expected] of initRows)
  test(`/init: ${name}`, () => {
    assert.deepEqual(initResponse(outcome, 3_000), expected);
  });

const INVALID = "The action did not produce a valid JSON or JSON Array response";
const runRows: [string, ContainerOutcome, unknown][] = [
  ["200 with an object", answer(200, '{"a":1}'), { statusCode: 0, result: { a: 1 }, size: 7 }],
  ["200 with an array", answer(200, "[1]"), { statusCode: 0, result: [1], size: 3 }],
  ["200 with error is reduced to it", answer(200, '{"error":"no","more":1}'), failed(1, "no", 23)],
  ["200 with error null", answer(200, '{"error":null}'), failed(1, null, 14)],
  ["200 with null", answer(200, "null"), failed(2, `${INVALID}: null`, 4)],
  ["200 with a scalar", answer(200, "5"), failed(2, `${INVALID}: 5`, 1)],
  ["200 without JSON", answer(200, "<html>"), failed(2, `${INVALID}: <html>`, 6)],
  ["200 without a body", answer(200, ""), failed(2, `${INVALID}.`, 0)],
  ["non-200 with error", answer(502, '{"error":"An error has occurred: x"}'), failed(2, "An error has occurred: x", 36)],
  ["non-200 without error", answer(500, "{}"), failed(2, `${INVALID}: {}`, 2)],
  ["non-200 with an array", answer(500, "[]"), failed(2, `${INVALID}: []`, 2)],
  ["timeout", { type: "timeout" }, failed(2, "The action exceeded its time limits of 3000 milliseconds.")],
  ["died", { type: "no-answer" }, failed(2, "The action did not produce a valid response and exited unexpectedly.")],
  ["out of memory", { type: "memory-exhausted" }, failed(2, "The action exhausted its memory and was aborted.")],
  ["truncated is an application error", cut, failed(1, CUT_TEXT, 1_048_600)],
];
for (const [name, outcome, expected] of runRows)
  test(`/run: ${name}`, () => {
    assert.deepEqual(runResponse(outcome, 3_000), expected);
  });

test("whatever a container answers, there is a response: success without `error`, or an error with nothing else", () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string()), fc.constantFrom(200, 202, 403, 500, 502), (body, status) => {
      const { statusCode, result } = runResponse(answer(status, body), 1);
      if (statusCode === 0)
        assert.ok(status === 200 && typeof result === "object" && result !== null && (Array.isArray(result) || !("error" in result)));
      else assert.deepEqual(Object.keys(result as object), ["error"]);
    }),
  );
});
