/** Puts the files that run inside action containers where the invoker's configuration mounts them from. */
import { chmodSync, copyFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { HarvestError, messageOf } from "@openwhisk-harvest/core";

/** Where containers see the files. */
export const MOUNT_POINT = "/harvest";

const ROOM = join(import.meta.dirname, "..");
/** Name in the folder, source, and whether it is a program. */
const FILES: readonly [name: string, source: string, mode: number][] = [
  ["nodejs.cjs", join(ROOM, "dist/nodejs-agent.cjs"), 0o644],
  ["actionloop.py", join(ROOM, "agents/actionloop.py"), 0o644],
  ["compile", join(ROOM, "agents/compile"), 0o755],
];

/** Each file is replaced whole: containers may be starting. OWH_BAD_CONFIG when the folder cannot be written. */
export function installAgents(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    for (const [name, source, mode] of FILES) {
      const target = join(folder, name);
      copyFileSync(source, `${target}.new`);
      chmodSync(`${target}.new`, mode);
      renameSync(`${target}.new`, target);
    }
  } catch (error) {
    throw new HarvestError("OWH_BAD_CONFIG", `The agents cannot be put into ${folder}: ${messageOf(error)}`, { cause: error });
  }
}

/**
 * The environment of an invoker whose action containers shall have the agents (ContainerArgsConfig in ContainerFactory.scala; index 0
 * of the environment variables is taken by Ansible and helm). `nodeAgent` is `host:port` as containers reach it; their gateway and
 * the usual port when absent. Agents wait for it as long as `__OW_HARVEST_ASK_MS` in the same way says, 50 ms by default.
 */
export function invokerSettings(folder: string, nodeAgent?: string): Readonly<Record<string, string>> {
  const prefix = "CONFIG_whisk_containerFactory_containerArgs";
  return {
    [`${prefix}_extraArgs_volume_0`]: `${folder}:${MOUNT_POINT}:ro`,
    [`${prefix}_extraEnvVars_1`]: `NODE_OPTIONS=--require=${MOUNT_POINT}/nodejs.cjs`,
    [`${prefix}_extraEnvVars_2`]: `OW_COMPILER=${MOUNT_POINT}/compile`,
    ...(nodeAgent === undefined ? {} : { [`${prefix}_extraEnvVars_3`]: `__OW_HARVEST_NODE_AGENT=${nodeAgent}` }),
  };
}
