/** `stack.json` in the data folder, by which the verbs of the command line find a stack (core's stack-file.ts). */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { parseJson, type StackFile, stackFileIn, stackFileSchema } from "@openwhisk-harvest/core";
import type { Stack } from "./stack.js";

export function addressesOf({ config, standalone, sidecar, redis }: Stack): StackFile {
  return {
    pid: process.pid,
    apihost: standalone.apihost,
    auth: standalone.auth,
    namespace: standalone.namespace,
    sidecar: sidecar.url,
    redis: redis?.url ?? config.redis.url ?? "",
    ...(config.couchdb.url === undefined ? {} : { couchdb: config.couchdb.url }),
    dataDir: config.dataDir,
  };
}

export function writeStackFile(stack: Stack): void {
  const { dataDir } = stack.config;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  writeFileSync(stackFileIn(dataDir), `${JSON.stringify(addressesOf(stack))}\n`, { mode: 0o600 });
}

/** Leaves the file of another stack that has taken the folder meanwhile. */
export function removeStackFile(dataDir: string): void {
  const file = stackFileIn(dataDir);
  if (!existsSync(file)) return;
  const { success, data } = stackFileSchema.safeParse(parseJson(readFileSync(file, "utf8")));
  if (success && data.pid === process.pid) rmSync(file, { force: true });
}
