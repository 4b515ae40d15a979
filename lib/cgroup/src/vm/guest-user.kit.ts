/** An ordinary user's process in the virtual machine: each time it has been put into a group, it is told to run its cases there. */
import type { Standing } from "./guest-cases.kit.js";
import { formatCase } from "./report.kit.js";
import { runCases } from "./run-cases.kit.js";

process.on("message", async (standing: Standing) => {
  await runCases(standing, (result) => process.stdout.write(`${formatCase(result)}\n`));
  process.send?.("done");
});
process.send?.("ready");
