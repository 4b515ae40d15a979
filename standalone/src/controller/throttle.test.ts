import assert from "node:assert/strict";
import { test } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { Throttle } from "./throttle.js";

const rejection = (message: string) => ({ name: "WhiskRejection", status: 429, message });

test("a namespace has so many requests a minute, and the next minute again", () => {
  const clock = new HandClock(60_000 * 1000);
  const throttle = new Throttle({ invocationsPerMinute: 2 }, clock);
  throttle.check("guest");
  throttle.check("guest");
  assert.throws(() => throttle.check("guest"), rejection("Too many requests in the last minute (count: 3, allowed: 2)."));
  throttle.check("other");
  clock.move(59_999);
  assert.throws(() => throttle.check("guest"), { status: 429 });
  clock.move(1);
  throttle.check("guest");
});
