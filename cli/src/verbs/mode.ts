import {
  HarvestError,
  isProfiled,
  MODES,
  type Mode,
  type ModeSettings,
  pausesInForce,
  systemClock,
  withNamespaceMode,
} from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { tableLines } from "../output.js";
import { dateText } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";
import { PAUSE_COLUMNS } from "./pause.js";

interface ModeFlags extends ConfigFlags {
  readonly namespace?: string;
  readonly clear?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `harvest mode [off|observe|harvest|profile] [--namespace ns [--clear]]` */
export function addModeVerb(program: Command): void {
  withConfigOptions(program.command("mode [mode]").description(`Show the modes and pauses in force, or set a mode: ${MODES.join(", ")}`))
    .option("--namespace <name>", "set it for one namespace only")
    .option("--clear", "take the namespace's own mode away, and end a profiling that holds it")
    .option("--dry-run", "show what would be in force, and change nothing")
    .option("--json", "print the settings as JSON")
    .action(async (mode: string | undefined, flags: ModeFlags) => {
      const settings = await withAllocations(configFrom(flags), async (allocations) => {
        const before = await allocations.modes();
        if (mode === undefined && !flags.clear) return before;
        const after = changed(before, mode, flags);
        if (!flags.dryRun) await allocations.setModes(after);
        return after;
      });
      process.stdout.write(flags.json ? `${JSON.stringify(settings)}\n` : `${describe(settings).join("\n")}\n`);
    });
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

function changed(settings: ModeSettings, mode: string | undefined, { namespace, clear }: ModeFlags): ModeSettings {
  if (clear && (mode !== undefined || namespace === undefined))
    throw new HarvestError("OWH_BAD_REQUEST", "--clear goes with --namespace, and without a mode.");
  if (namespace !== undefined) return withNamespaceMode(settings, namespace, clear ? undefined : modeNamed(mode ?? ""));
  return { ...settings, global: modeNamed(mode ?? "") };
}
