import { MODES, type ModeSettings, systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { describeModes, namespaceNamed, withMode } from "../modes/mode-change.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ModeFlags extends ConfigFlags {
  readonly namespace?: string;
  readonly clear?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `harvest mode [off|observe|harvest|profile] [--namespace ns [--clear]]` */
export function addModeVerb(program: Command): void {
  withConfigOptions(program.command("mode [mode]").description(`Show the modes and pauses in force, or set a mode: ${MODES.join(", ")}`))
    .option("--namespace <name>", "set it for one namespace only; the key's own is `_`")
    .option("--clear", "take the namespace's own mode away, and end a profiling that holds it")
    .option("--dry-run", "show what would be in force, and change nothing")
    .option("--json", "print the settings as JSON")
    .action(setMode);
}

async function setMode(mode: string | undefined, flags: ModeFlags): Promise<void> {
  const connection = new Connection(configFrom(flags));
  const namespace = flags.namespace === "_" ? await connection.namespace() : namespaceNamed(flags.namespace);
  const settings = await connection.withAllocations(async (allocations) => {
    if (mode === undefined && !flags.clear) return allocations.modes();
    const change = (before: ModeSettings) => withMode(before, mode, { namespace, clear: flags.clear });
    return flags.dryRun ? change(await allocations.modes()) : allocations.changeModes(change);
  });
  if (mode !== undefined && namespace !== undefined && !(await hasWorkflows(connection, namespace)))
    process.stderr.write(`warning: no workflow is deployed in ${namespace} (yet), so this changes nothing there\n`);
  process.stdout.write(flags.json ? `${JSON.stringify(settings)}\n` : `${describeModes(settings, systemClock.nowMs()).join("\n")}\n`);
}

/** True also where the documents cannot be seen from here. */
async function hasWorkflows(connection: Connection, namespace: string): Promise<boolean> {
  if ("missing" in connection.addresses.documents) return true;
  return connection.withStores(async ({ dags }) => (await dags.list(namespace)).length > 0);
}
