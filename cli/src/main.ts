/** The `harvest` command. */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import { createProgram } from "./program.js";

try {
  await createProgram().parseAsync();
} catch (error) {
  const code = error instanceof HarvestError ? ` (${error.code})` : "";
  process.stderr.write(`error: ${messageOf(error)}${code}\n`);
  process.exitCode = 1;
}
