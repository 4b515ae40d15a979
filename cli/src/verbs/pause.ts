import { type Pause, type PauseScope, pausesInForce, systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { PAUSE_COLUMNS, type PauseChange, type PauseDetails, pausePath, pausing, resuming, scopeIn, TARGET } from "../modes/pauses.js";
import { listText } from "../output.js";
import { durationMs } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ScopeFlags extends ConfigFlags {
  readonly all?: boolean;
  readonly owner?: boolean;
  readonly json?: boolean;
}

/** `harvest pause [target]` and `harvest resume [target]`. */
export function addPauseVerbs(program: Command): void {
  withScopeOptions(program.command("pause [target]").description(`Apply nothing from the next run on, but go on observing: ${TARGET}`))
    .option("--for <duration>", "end it by itself after so long, e.g. 90s, 10m, 2h", durationMs)
    .option("--reason <text>", "why, shown with the pause")
    .action((target: string | undefined, flags: ScopeFlags & PauseDetails) => change(target, flags, (scope) => pausing(scope, flags)));
  withScopeOptions(program.command("resume [target]").description(`End a pause over exactly this: ${TARGET}`)).action(
    (target: string | undefined, flags: ScopeFlags) => change(target, flags, resuming),
  );
}

function withScopeOptions(command: Command): Command {
  return withConfigOptions(command)
    .option("--all", "everything, in all namespaces")
    .option("--owner", "as the owner of the namespace, through the sidecar, instead of as the operator")
    .option("--json", "print the pauses that are in force then as one JSON array");
}

async function change(target: string | undefined, flags: ScopeFlags, changeOf: (scope: PauseScope) => PauseChange): Promise<void> {
  const connection = new Connection(configFrom(flags));
  const scope = await scopeIn(target, flags, () => connection.namespace());
  const { settled, ask } = changeOf(scope);
  const nowMs = systemClock.nowMs();
  const pauses = flags.owner
    ? (await connection.ask<{ pauses: Pause[] }>(pausePath(scope), ask)).pauses
    : await connection.withAllocations(async (allocations) =>
        pausesInForce(await allocations.changeModes((settings) => settled(settings, nowMs)), nowMs),
      );
  process.stdout.write(listText(PAUSE_COLUMNS, pauses, flags, "ok: nothing is paused"));
}
