import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  DEFAULT_MODE_SETTINGS,
  effectiveMode,
  MODES,
  type ModeSettings,
  modeSettingsSchema,
  type Pause,
  pauseOver,
  pausesInForce,
  withNamespaceMode,
  withoutPause,
  withPause,
  withProfiling,
} from "./mode.js";

const settings = (global: ModeSettings["global"], guest?: ModeSettings["global"]): ModeSettings => ({
  v: 1,
  global,
  namespaces: guest ? { guest } : {},
});

describe("effective mode", () => {
  it("observes by default", () => assert.equal(effectiveMode(DEFAULT_MODE_SETTINGS, "guest"), "observe"));

  it("takes no property of objects for a namespace's setting", () => {
    for (const name of ["constructor", "__proto__", "toString"]) assert.equal(effectiveMode(settings("harvest"), name), "harvest");
  });

  it("off anywhere wins", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...MODES),
        fc.constantFrom(...MODES),
        fc.constantFrom("off", false, true, "harvest", "observe", undefined),
        (all, own, annotation) => {
          const off = all === "off" || own === "off" || annotation === "off" || annotation === false;
          assert.equal(effectiveMode(settings(all, own), "guest", annotation) === "off", off);
        },
      ),
    );
  });

  it("takes the annotation before the namespace before the global setting", () => {
    assert.equal(effectiveMode(settings("observe"), "guest", "harvest"), "harvest");
    assert.equal(effectiveMode(settings("observe"), "guest", true), "harvest");
    assert.equal(effectiveMode(settings("harvest"), "guest", "observe"), "observe");
    assert.equal(effectiveMode(settings("observe", "harvest"), "guest"), "harvest");
    assert.equal(effectiveMode(settings("harvest", "observe"), "guest"), "observe");
    assert.equal(effectiveMode(settings("observe", "harvest"), "other"), "observe");
  });

  it("profile is the operator's: no annotation grants it or replaces it", () => {
    assert.equal(effectiveMode(settings("harvest"), "guest", "profile"), "harvest");
    assert.equal(effectiveMode(settings("profile"), "guest", "harvest"), "profile");
  });
});

const NOW_MS = 1_000_000;
const pause = (scope: Partial<Pause> = {}): Pause => ({ by: "operator", sinceMs: NOW_MS, ...scope });
const paused = (...pauses: Pause[]): ModeSettings => ({ ...settings("harvest"), pauses });

describe("a profiler's hold on a namespace", () => {
  const held = (all: ModeSettings, untilMs = NOW_MS + 5) => withProfiling(all, "guest", untilMs);
  const modeAt = (all: ModeSettings, nowMs: number) => effectiveMode(all, "guest", "observe", { nowMs });

  it("is mode profile until its end, and then the namespace has the mode that it had", () => {
    assert.equal(modeAt(held(settings("harvest", "observe")), NOW_MS + 4), "profile");
    assert.equal(modeAt(held(settings("harvest", "observe")), NOW_MS + 5), "observe");
    assert.equal(effectiveMode(held(settings("harvest")), "other", undefined, { nowMs: NOW_MS }), "harvest");
    assert.equal(effectiveMode(held(settings("harvest")), "guest"), "harvest", "a reader without a clock does not believe it");
  });

  it("gives way to off, and ends when an operator sets or clears the namespace's mode", () => {
    assert.equal(modeAt(held(settings("off")), NOW_MS), "off");
    assert.equal(modeAt(held(settings("harvest", "off")), NOW_MS), "off");
    assert.deepEqual(withNamespaceMode(held(settings("harvest")), "guest", "observe"), settings("harvest", "observe"));
    assert.deepEqual(withNamespaceMode(held(settings("harvest", "profile")), "guest", undefined), settings("harvest"));
  });
});

describe("a pause", () => {
  const modeOf = (all: ModeSettings, action: string, namespace = "guest", annotation?: unknown) =>
    effectiveMode(all, namespace, annotation, { action, nowMs: NOW_MS });

  it("covers an action, a namespace or everything, and nothing else", () => {
    const one = paused(pause({ namespace: "guest", action: "pkg/aes" }));
    assert.equal(modeOf(one, "pkg/aes"), "observe");
    assert.equal(modeOf(one, "aes"), "harvest");
    assert.equal(modeOf(one, "pkg/aes", "other"), "harvest");
    assert.equal(effectiveMode(one, "guest"), "harvest", "the namespace as a whole is not paused");
    const namespace = paused(pause({ namespace: "guest" }));
    assert.equal(modeOf(namespace, "aes"), "observe");
    assert.equal(effectiveMode(namespace, "guest"), "observe");
    assert.equal(modeOf(namespace, "aes", "other"), "harvest");
    assert.equal(modeOf(paused(pause()), "aes", "any"), "observe");
  });

  it("comes after off and profile, and before what an action opts in to", () => {
    assert.equal(modeOf(paused(pause()), "aes", "guest", "harvest"), "observe");
    assert.equal(modeOf(paused(pause()), "aes", "guest", "off"), "off");
    assert.equal(modeOf({ ...settings("off"), pauses: [pause()] }, "aes"), "off");
    assert.equal(modeOf({ ...settings("profile"), pauses: [pause()] }, "aes"), "profile");
  });

  it("ends by itself at its end, and never for a reader without a clock", () => {
    const all = paused(pause({ untilMs: NOW_MS + 5 }));
    assert.equal(effectiveMode(all, "guest", undefined, { nowMs: NOW_MS + 4 }), "observe");
    assert.equal(effectiveMode(all, "guest", undefined, { nowMs: NOW_MS + 5 }), "harvest");
    assert.equal(effectiveMode(all, "guest"), "observe");
  });

  it("is told by the widest when several cover the same", () => {
    const all = paused(pause({ namespace: "guest", action: "aes" }), pause({ reason: "all" }), pause({ namespace: "guest" }));
    assert.equal(pauseOver(all, { namespace: "guest", action: "aes" })?.reason, "all");
  });

  it("takes the place of an older one over the same, and leaves out what is over", () => {
    const first = withPause(paused(pause({ namespace: "old", untilMs: NOW_MS - 1 })), pause({ namespace: "guest", reason: "a" }));
    const second = withPause(first, pause({ namespace: "guest", reason: "b" }));
    assert.deepEqual(
      second.pauses?.map((one) => one.reason),
      ["b"],
    );
  });

  it("of the operator is not the owner's to end, and the operator ends both", () => {
    const both = withPause(withPause(paused(), pause({ namespace: "guest" })), pause({ namespace: "guest", by: "owner" }));
    const scope = { namespace: "guest" };
    assert.deepEqual(
      withoutPause(both, scope, "owner", NOW_MS).pauses?.map((one) => one.by),
      ["operator"],
    );
    assert.deepEqual(withoutPause(both, scope, "operator", NOW_MS).pauses, []);
    assert.equal(withoutPause(both, {}, "operator", NOW_MS).pauses?.length, 2, "only what covers exactly the same is ended");
  });

  it("never lets anything be applied that would not be without it, and nothing at all where it holds (H4)", () => {
    const scope = fc.record({ namespace: fc.constantFrom("guest", "other", undefined), action: fc.constantFrom("a", "b", undefined) });
    const anyPause = fc.record({ scope, untilMs: fc.option(fc.integer({ min: NOW_MS - 2, max: NOW_MS + 2 }), { nil: undefined }) });
    fc.assert(
      fc.property(
        fc.constantFrom(...MODES),
        fc.array(anyPause, { maxLength: 4 }),
        fc.constantFrom("off", true, "observe", undefined),
        (global, some, annotation) => {
          const pauses = some.map(({ scope: { namespace, action }, untilMs }) =>
            modeSettingsSchema.shape.pauses.unwrap().element.parse({ ...pause(), namespace, action, untilMs }),
          );
          const moment = { action: "a", nowMs: NOW_MS };
          const without = effectiveMode(settings(global), "guest", annotation, moment);
          const withThem = effectiveMode({ ...settings(global), pauses }, "guest", annotation, moment);
          const covered = pausesInForce({ ...settings(global), pauses }, NOW_MS).some(
            (one) => (one.namespace ?? "guest") === "guest" && (one.action ?? "a") === "a",
          );
          assert.equal(withThem, covered && without === "harvest" ? "observe" : without);
        },
      ),
    );
  });
});
