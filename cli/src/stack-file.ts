/**
 * How a verb finds the running stack: `harvest up` and `harvest demo --keep` leave its addresses and the guest's key in the data
 * folder, readable by its owner only, and take the file away when they end.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { HarvestError } from "@openwhisk-harvest/core";
import { z } from "zod";
import type { Stack } from "./stack.js";

const stackFileSchema = z.object({
  pid: z.int(),
  apihost: z.string(),
  auth: z.string(),
  namespace: z.string(),
  sidecar: z.string(),
  redis: z.string(),
  dataDir: z.string(),
});
export type StackFile = z.infer<typeof stackFileSchema>;

function fileIn(dataDir: string): string {
  return join(dataDir, "stack.json");
}

export function addressesOf(stack: Stack): StackFile {
  return {
    pid: process.pid,
    apihost: stack.standalone.apihost,
    auth: stack.standalone.auth,
    namespace: stack.standalone.namespace,
    sidecar: stack.sidecar.url,
    redis: stack.redis?.url ?? stack.config.redis.url ?? "",
    dataDir: stack.config.dataDir,
  };
}

export function writeStackFile(stack: Stack): void {
  mkdirSync(stack.config.dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(fileIn(stack.config.dataDir), `${JSON.stringify(addressesOf(stack))}\n`, { mode: 0o600 });
}

export function removeStackFile(dataDir: string): void {
  rmSync(fileIn(dataDir), { force: true });
}

/** OWH_NOT_FOUND with what to do when no stack runs on this data folder. */
export function readStackFile(dataDir: string): StackFile {
  let text: string;
  try {
    text = readFileSync(fileIn(dataDir), "utf8");
  } catch (error) {
    throw new HarvestError(
      "OWH_NOT_FOUND",
      `No running stack in ${dataDir}: start one with \`harvest up\`, or name its folder with --data-dir.`,
      {
        cause: error,
      },
    );
  }
  return stackFileSchema.parse(JSON.parse(text));
}
