import { existsSync } from "node:fs";
import { join } from "node:path";
import {
  type Config,
  HarvestError,
  isProfiled,
  MODES,
  type Mode,
  type ModeSettings,
  pausesInForce,
  systemClock,
  withNamespaceMode,
} from "@openwhisk-harvest/core";
import { openStores } from "@openwhisk-harvest/stores";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { tableLines } from "../output.js";
import { readStackFile } from "../stack-file.js";
import { dateText } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";
import { PAUSE_COLUMNS } from "./pause.js";

interface ModeFlags extends ConfigFlags {
  readonly namespace?: string;
  readonly clear?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

interface ModeScope {
  readonly namespace: string | undefined;
  readonly clear?: boolean;
}

/** `harvest mode [off|observe|harvest|profile] [--namespace ns [--clear]]` */
export function addModeVerb(program: Command): void {
  withConfigOptions(program.command("mode [mode]").description(`Show the modes and pauses in force, or set a mode: ${MODES.join(", ")}`))
    .option("--namespace <name>", "set it for one namespace only; the stack's own is `_`")
    .option("--clear", "take the namespace's own mode away, and end a profiling that holds it")
    .option("--dry-run", "show what would be in force, and change nothing")
    .option("--json", "print the settings as JSON")
    .action(async (mode: string | undefined, flags: ModeFlags) => {
      const config = configFrom(flags);
      const namespace = flags.namespace === "_" ? readStackFile(config.dataDir).namespace : namespaceNamed(flags.namespace);
      const settings = await withAllocations(config, async (allocations) => {
        if (mode === undefined && !flags.clear) return allocations.modes();
        const change = (before: ModeSettings) => changed(before, mode, { ...flags, namespace });
        return flags.dryRun ? change(await allocations.modes()) : allocations.changeModes(change);
      });
      if (mode !== undefined && namespace !== undefined && !(await hasWorkflows(config, namespace)))
        process.stderr.write(`warning: no workflow is deployed in ${namespace} (yet), so this changes nothing there\n`);
      process.stdout.write(flags.json ? `${JSON.stringify(settings)}\n` : `${describe(settings).join("\n")}\n`);
    });
}

/** OpenWhisk's EntityName. */
function namespaceNamed(name: string | undefined): string | undefined {
  if (name === undefined || /^\w(?:[\w@ .-]{0,254}[\w@.-])?$/.test(name)) return name;
  throw new HarvestError("OWH_BAD_REQUEST", `${JSON.stringify(name)} is not a name that OpenWhisk allows for a namespace.`);
}

/** True also where the documents cannot be seen from here. */
async function hasWorkflows({ couchdb, dataDir }: Config, namespace: string): Promise<boolean> {
  if (couchdb.url === undefined && !existsSync(join(dataDir, "documents"))) return true;
  const stores = openStores({ couchdbUrl: couchdb.url, dataDir });
  try {
    return (await stores.dags.list(namespace)).length > 0;
  } finally {
    await stores.close();
  }
}

function describe(settings: ModeSettings): string[] {
  const nowMs = systemClock.nowMs();
  const pauses = pausesInForce(settings, nowMs);
  const profiled = Object.entries(settings.profilingUntilMs ?? {}).filter(([namespace]) => isProfiled(settings, namespace, nowMs));
  return [
    `ok: all namespaces: ${settings.global}`,
    ...Object.entries(settings.namespaces).map(([namespace, own]) => `ok: ${namespace}: ${own}`),
    ...profiled.map(([namespace, untilMs]) => `ok: ${namespace}: held in mode profile until ${dateText(untilMs)} (UTC) at most`),
    ...(pauses.length === 0 ? [] : ["", ...tableLines(PAUSE_COLUMNS, pauses)]),
  ];
}

function modeNamed(name: string): Mode {
  const mode = MODES.find((m) => m === name);
  if (!mode) throw new HarvestError("OWH_BAD_REQUEST", `No mode is called ${JSON.stringify(name)}; there are ${MODES.join(", ")}.`);
  return mode;
}

function changed(settings: ModeSettings, mode: string | undefined, { namespace, clear }: ModeScope): ModeSettings {
  if (clear && (mode !== undefined || namespace === undefined))
    throw new HarvestError("OWH_BAD_REQUEST", "--clear goes with --namespace, and without a mode.");
  if (namespace !== undefined) return withNamespaceMode(settings, namespace, clear ? undefined : modeNamed(mode ?? ""));
  return { ...settings, global: modeNamed(mode ?? "") };
}
