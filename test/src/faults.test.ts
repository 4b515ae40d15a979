// runs alone: it profiles functions, and needs their times to be much the same
import { after, describe } from "node:test";
import { casesOf } from "@openwhisk-harvest/testkit";
import { SharedAesStack } from "./aes-stack.kit.js";
import { embeddedApplier } from "./appliers.kit.js";
import { faults, STAGE_TIMEOUT } from "./faults.contract.js";
import { learn } from "./stack.kit.js";

const applier = await embeddedApplier();

describe("faults in the middle of composition runs", { skip: applier.skip }, () => {
  const shared = new SharedAesStack({
    applier,
    flags: [STAGE_TIMEOUT],
    sizes: { minBytes: 24_000, maxBytes: 36_000 },
    train: (up, dag) => learn(up, dag, { count: 10, seed: 1, minBytes: 20_000, maxBytes: 60_000 }),
    withCouchdb: true,
  });
  faults(shared, { runs: casesOf(200, 0.05) }); // 50 in all, or 1,000
  after(() => shared.close()); // after the contract's own hook
});
