import { after, describe } from "node:test";
import { type AppliedStack, embeddedApplier } from "./appliers.kit.js";
import { tenancy } from "./tenancy.contract.js";

const applier = await embeddedApplier();

describe("tenancy", { skip: applier.skip }, () => {
  let up: AppliedStack | undefined;
  after(() => up?.close());
  tenancy({
    knowsCauses: true,
    start: async () => {
      up = await applier.start();
      return up;
    },
  });
});
