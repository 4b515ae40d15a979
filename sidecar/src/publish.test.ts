import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decide } from "./decide/decide.js";
import type { DecisionState } from "./decide/state.js";
import { type FunctionSpec, ROOT, stateOf } from "./decide/state.kit.js";
import { publishedFields } from "./publish.js";

const fn = (userCores: number, cpuCores: number, rest: Partial<FunctionSpec> = {}): FunctionSpec => ({
  user: { cpuCores: userCores, memoryMb: 512 },
  cpuCores,
  memoryMb: 200,
  workCoreMs: 100 * cpuCores,
  ...rest,
});

function fieldsOf(state: DecisionState) {
  const { faults: _, ...draft } = decide(state);
  return publishedFields({ ...draft, id: `${ROOT}-1`, decidedAtMs: 0 });
}

const stamped = { v: 1, decision: `${ROOT}-1`, namespace: "guest", epoch: 1 };

describe("publishedFields", () => {
  it("names fields by AST path and carries accepted resources only", () => {
    assert.deepEqual(fieldsOf(stateOf([fn(2, 3), fn(2, 1)])), {
      "[1][0]": { ...stamped, cpuCores: 3, memoryMb: 256 },
      "[1][1]": { ...stamped, cpuCores: 1, memoryMb: 256 },
    });
    assert.deepEqual(fieldsOf(stateOf([fn(2, 5), fn(2, 1)])), {
      "[1][0]": { ...stamped, memoryMb: 256, workCoreMs: 500 },
      "[1][1]": { ...stamped, memoryMb: 256 },
    });
  });

  it("tells the work that counts only to a function that was given less than its demand", () => {
    assert.deepEqual(fieldsOf(stateOf([fn(2, 6), fn(2, 2)]))["[1][0]"], { ...stamped, cpuCores: 3, memoryMb: 256, workCoreMs: 600 });
  });

  it("has no field for a function that keeps U (H3)", () => {
    const outsiders = [fn(2.7, 1, { excluded: "action-off" }), fn(2.7, 1, { samples: 0 })];
    assert.deepEqual(Object.keys(fieldsOf(stateOf([fn(2, 3), fn(2, 1), ...outsiders]))), ["[1][0]", "[1][1]"]);
    assert.deepEqual(fieldsOf(stateOf([fn(2, 3)])), {});
    assert.deepEqual(fieldsOf(stateOf([fn(2, 3), fn(2, 1)], { mode: "off" })), {});
  });
});
