import { HarvestError, MODES, type Mode, type ModeSettings, pausesInForce, systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { tableLines } from "../output.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";
import { PAUSE_COLUMNS } from "./pause.js";

interface ModeFlags extends ConfigFlags {
  readonly namespace?: string;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `harvest mode [off|observe|harvest|profile] [--namespace ns]` */
export function addModeVerb(program: Command): void {
  withConfigOptions(program.command("mode [mode]").description(`Show the modes and pauses in force, or set a mode: ${MODES.join(", ")}`))
    .option("--namespace <name>", "set it for one namespace only")
    .option("--dry-run", "show what would be in force, and change nothing")
    .option("--json", "print the settings as JSON")
    .action(async (mode: string | undefined, flags: ModeFlags) => {
      const settings = await withAllocations(configFrom(flags), async (allocations) => {
        const before = await allocations.modes();
        if (mode === undefined) return before;
        const after = changed(before, modeNamed(mode), flags.namespace);
        if (!flags.dryRun) await allocations.setModes(after);
        return after;
      });
      process.stdout.write(flags.json ? `${JSON.stringify(settings)}\n` : `${describe(settings).join("\n")}\n`);
    });
}

function describe(settings: ModeSettings): string[] {
  const pauses = pausesInForce(settings, systemClock.nowMs());
  return [
    `ok: all namespaces: ${settings.global}`,
    ...Object.entries(settings.namespaces).map(([namespace, own]) => `ok: ${namespace}: ${own}`),
    ...(pauses.length === 0 ? [] : ["", ...tableLines(PAUSE_COLUMNS, pauses)]),
  ];
}

function modeNamed(name: string): Mode {
  const mode = MODES.find((m) => m === name);
  if (!mode) throw new HarvestError("OWH_BAD_REQUEST", `No mode is called ${JSON.stringify(name)}; there are ${MODES.join(", ")}.`);
  return mode;
}

function changed(settings: ModeSettings, mode: Mode, namespace?: string): ModeSettings {
  if (namespace === undefined) return { ...settings, global: mode };
  return { ...settings, namespaces: { ...settings.namespaces, [namespace]: mode } };
}
