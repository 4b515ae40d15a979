// runs alone: it profiles functions, and needs their times to be much the same
import { after, describe } from "node:test";
import { casesOf } from "@openwhisk-harvest/testkit";
import { SharedAesStack } from "./aes-stack.kit.js";
import { embeddedApplier } from "./appliers.kit.js";
import { learn } from "./stack.kit.js";
import { underPrediction } from "./under-prediction.contract.js";

const applier = await embeddedApplier();

describe("models that return half of the truth", { skip: applier.skip }, () => {
  const sizes = { minBytes: 30_000, maxBytes: 60_000 };
  const shared = new SharedAesStack({
    applier,
    sizes: { minBytes: 40_000, maxBytes: 55_000 },
    train: (up, dag) => learn(up, dag, { count: 14, seed: 1, ...sizes }),
  });
  underPrediction(shared, { runs: casesOf(100, 0.03) });
  after(() => shared.close()); // after the contract's own hook, which needs the stack
});
