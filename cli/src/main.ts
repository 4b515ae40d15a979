/** The `harvest` command. */
import { createProgram } from "./program.js";

// A reader that has gone (`harvest config options | head`) wants no more. What runs comes to its end all the same.
for (const stream of [process.stdout, process.stderr])
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });

try {
  await (await createProgram(process.argv[2])).parseAsync();
} catch (error) {
  const { failureText } = await import("@openwhisk-harvest/core"); // `harvest --version` needs nothing of it
  process.stderr.write(`${failureText(error)}\n`);
  process.exitCode = 1;
}
