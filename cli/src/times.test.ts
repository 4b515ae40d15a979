import assert from "node:assert/strict";
import { test } from "node:test";
import { dateText, durationMs, momentMs } from "./times.js";

test("durations are read with their unit", () => {
  for (const [text, ms] of [
    ["250ms", 250],
    ["90s", 90_000],
    ["10m", 600_000],
    ["2h", 7_200_000],
    ["1.5d", 129_600_000],
  ] as const)
    assert.equal(durationMs(text), ms);
  for (const text of ["", "10", "m", "-1m", "0s", "1w", "1 h", "1e3s"]) assert.throws(() => durationMs(text), /duration/, text);
});

test("a moment is so long ago, or a date", () => {
  assert.equal(momentMs("1h", 7_200_000), 3_600_000);
  assert.equal(momentMs("1970-01-01T00:01:00Z", 0), 60_000);
  for (const text of ["yesterday", "1w", ""]) assert.throws(() => momentMs(text, 0), text);
});

test("a date is shown in UTC, to the second", () => assert.equal(dateText(1_000), "1970-01-01 00:00:01"));
