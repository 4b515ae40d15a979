/** Reads what a stack on this machine leaves in its data folder (core's stack-file.ts). */
import { readFileSync } from "node:fs";
import { HarvestError, isAlive, parseJson, type StackFile, stackFileIn, stackFileSchema } from "@openwhisk-harvest/core";

/** OWH_NOT_FOUND with what to do when no stack runs on this data folder, also when one has died and left its file behind. */
export function readStackFile(dataDir: string): StackFile {
  const parsed = stackFileSchema.safeParse(parseJson(readFileIn(dataDir)));
  if (!parsed.success)
    throw new HarvestError("OWH_NOT_FOUND", `${stackFileIn(dataDir)} is damaged: restart the stack with \`harvest up\`.`, {
      cause: parsed.error,
    });
  if (!isAlive(parsed.data.pid))
    throw new HarvestError(
      "OWH_NOT_FOUND",
      `The stack in ${dataDir} has died (process ${parsed.data.pid} is gone): start it again with \`harvest up\`.`,
    );
  return parsed.data;
}

function readFileIn(dataDir: string): string {
  try {
    return readFileSync(stackFileIn(dataDir), "utf8");
  } catch (cause) {
    const todo = "start one with `harvest up`, or name its folder with --data-dir.";
    throw new HarvestError("OWH_NOT_FOUND", `No running stack in ${dataDir}: ${todo}`, { cause });
  }
}
