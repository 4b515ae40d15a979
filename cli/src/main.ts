/** The `harvest` command. */
import { createProgram } from "./program.js";

try {
  await (await createProgram(process.argv[2])).parseAsync();
} catch (error) {
  const { failureText } = await import("@openwhisk-harvest/core"); // `harvest --version` needs nothing of it
  process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = 1;
}
