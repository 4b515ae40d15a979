// runs alone: it profiles functions, and needs their times to be much the same
import { after, describe } from "node:test";
import { SharedAesStack } from "./aes-stack.kit.js";
import { embeddedApplier } from "./appliers.kit.js";
import { harvestedComposition } from "./harvesting.contract.js";
import { learn } from "./stack.kit.js";

const applier = await embeddedApplier();

describe("a harvested composition", { skip: applier.skip }, () => {
  const shared = new SharedAesStack({
    applier,
    sizes: { minBytes: 45_000, maxBytes: 55_000 },
    // Close together, so that a dozen profiled runs make the models sure.
    train: (up, dag) => learn(up, dag, { count: 14, seed: 1, minBytes: 30_000, maxBytes: 60_000 }),
  });
  after(() => shared.close());
  harvestedComposition(shared);
});
