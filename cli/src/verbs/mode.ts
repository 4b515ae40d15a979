import { HarvestError, MODES, type Mode, type ModeSettings } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ModeFlags extends ConfigFlags {
  readonly namespace?: string;
}

/** `harvest mode [off|observe|harvest|profile] [--namespace ns]` */
export function addModeVerb(program: Command): void {
  withConfigOptions(program.command("mode [mode]").description(`Show the mode in force, or set it: ${MODES.join(", ")}`))
    .option("--namespace <name>", "set it for one namespace only")
    .action(async (mode: string | undefined, flags: ModeFlags) => {
      const settings = await withAllocations(configFrom(flags), async (allocations) => {
        const before = await allocations.modes();
        if (mode === undefined) return before;
        const after = changed(before, modeNamed(mode), flags.namespace);
        await allocations.setModes(after);
        return after;
      });
      process.stdout.write(`ok: all namespaces: ${settings.global}\n`);
      for (const [namespace, own] of Object.entries(settings.namespaces)) process.stdout.write(`ok: ${namespace}: ${own}\n`);
    });
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
