/**
 * Reads what says which OpenWhisk is meant: the environment, the files of wsk, and what a stack on this machine leaves.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import {
  type Config,
  HarvestError,
  isAlive,
  messageOf,
  parseJson,
  type StackFile,
  stackFileIn,
  stackFileSchema,
} from "@openwhisk-harvest/core";
import type { AddressSources, Missing, WskpropsFile } from "./addresses.js";

/** OWH_BAD_CONFIG when WSK_CONFIG_FILE names a file that cannot be read. */
export function readSources(config: Config, environment: AddressSources["environment"] = process.env): AddressSources {
  const named = environment["WSK_CONFIG_FILE"];
  return {
    config,
    environment,
    namedWskprops: named ? namedFile(named) : undefined,
    homeWskprops: homeFile(join(environment["HOME"] ?? homedir(), ".wskprops")),
    stack: readStack(config.dataDir),
    hasDocuments: existsSync(join(config.dataDir, "documents")),
  };
}

function namedFile(path: string): WskpropsFile {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch (cause) {
    throw new HarvestError("OWH_BAD_CONFIG", `WSK_CONFIG_FILE cannot be read: ${messageOf(cause)}`, { cause });
  }
}

/** One that cannot be read is as good as none: it was not asked for. */
function homeFile(path: string): WskpropsFile | undefined {
  try {
    return { path, text: readFileSync(path, "utf8") };
  } catch {
    return undefined;
  }
}

/** The stack that runs in this folder, or why there is none; one that has died may have left its file behind. */
export function readStack(dataDir: string): StackFile | Missing {
  const file = stackFileIn(dataDir);
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return { missing: `no stack of \`harvest up\` runs in ${dataDir}` };
  }
  const parsed = stackFileSchema.safeParse(parseJson(text));
  if (!parsed.success) return { missing: `${file} is damaged: restart the stack with \`harvest up\`` };
  const { pid } = parsed.data;
  return isAlive(pid)
    ? parsed.data
    : { missing: `the stack in ${dataDir} has died (process ${pid} is gone): start it again with \`harvest up\`` };
}
