/** An ordinary user's process in the virtual machine: each time it has been put into a group, it is told to run its cases there. */
import type { Standing } from "./guest-cases.js";
import { formatCase } from "./report.js";
import { runCases } from "./run-cases.js";

process.on("message", async (standing: Standing) => {
  await runCases(standing, (result) => process.stdout.write(`${formatCase(result)}\n`));
  process.send?.("done");
});
process.send?.("ready");
