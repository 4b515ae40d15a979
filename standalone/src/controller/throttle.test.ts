import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { Throttle } from "./throttle.js";

const rejection = (message: string) => ({ name: "WhiskRejection", status: 429, message });

test("a namespace has so many requests a minute, and the next minute again", () => {
  const clock = new HandClock(60_000 * 1000);
  const throttle = new Throttle({ invocationsPerMinute: 2, concurrentInvocations: 10 }, clock);
  throttle.check("guest");
  throttle.check("guest");
  assert.throws(() => throttle.check("guest"), rejection("Too many requests in the last minute (count: 3, allowed: 2)."));
  throttle.check("other");
  clock.move(59_999);
  assert.throws(() => throttle.check("guest"), { status: 429 });
  clock.move(1);
  throttle.check("guest");
});

test("what is in flight bounds what may be started", () => {
  const throttle = new Throttle({ invocationsPerMinute: 100, concurrentInvocations: 2 }, new HandClock());
  const leave = [throttle.enter("guest"), throttle.enter("guest")];
  assert.throws(() => throttle.check("guest"), rejection("Too many concurrent requests in flight (count: 2, allowed: 2)."));
  throttle.check("other");
  leave[0]?.();
  throttle.check("guest");
});
