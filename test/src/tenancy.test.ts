import { after, describe } from "node:test";
import { type AppliedStack, embeddedApplier } from "./appliers.kit.js";
import { tenancy } from "./tenancy.contract.js";

describe("tenancy", () => {
  let up: AppliedStack | undefined;
  after(() => up?.close());
  tenancy({
    knowsCauses: true,
    start: async () => {
      up = await (await embeddedApplier()).start();
      return up;
    },
  });
});
