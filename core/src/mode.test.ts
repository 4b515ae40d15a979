import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DEFAULT_MODE_SETTINGS, effectiveMode, MODES, type ModeSettings } from "./mode.js";

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
