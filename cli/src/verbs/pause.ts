import {
  HarvestError,
  type ModeSettings,
  type Pause,
  type PauseScope,
  pausesInForce,
  scopeOf,
  systemClock,
  withoutPause,
  withPause,
} from "@openwhisk-harvest/core";
import { askJson } from "@openwhisk-harvest/sidecar/client";
import type { Command } from "commander";
import { withAllocations } from "../allocations.js";
import { type Column, listText } from "../output.js";
import { readStackFile } from "../stack-file.js";
import { dateText, durationMs } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface ScopeFlags extends ConfigFlags {
  readonly all?: boolean;
  readonly owner?: boolean;
  readonly json?: boolean;
}
interface PauseFlags extends ScopeFlags {
  readonly for?: number;
  readonly reason?: string;
}

const TARGET = "/namespace, /namespace/action, or /namespace/package/action; the stack's own namespace is `_`";

/** `harvest pause [target]` and `harvest resume [target]`. */
export function addPauseVerbs(program: Command): void {
  withScopeOptions(program.command("pause [target]").description(`Apply nothing from the next run on, but go on observing: ${TARGET}`))
    .option("--for <duration>", "end it by itself after so long, e.g. 90s, 10m, 2h", durationMs)
    .option("--reason <text>", "why, for whoever finds it")
    .action(async (target: string | undefined, flags: PauseFlags) => {
      const pauses = await change(target, flags, (scope) => ({
        settled: (settings, nowMs) => withPause(settings, pauseOf(scope, flags, nowMs)),
        ask: { method: "PUT", body: { ...(flags.for && { forMs: flags.for }), ...(flags.reason && { reason: flags.reason }) } },
      }));
      print(pauses, flags);
    });
  withScopeOptions(program.command("resume [target]").description(`End a pause over exactly this: ${TARGET}`)).action(
    async (target: string | undefined, flags: ScopeFlags) => {
      const pauses = await change(target, flags, (scope) => ({
        settled: (settings, nowMs) => withoutPause(settings, scope, "operator", nowMs),
        ask: { method: "DELETE" },
      }));
      print(pauses, flags);
    },
  );
}

function withScopeOptions(command: Command): Command {
  return withConfigOptions(command)
    .option("--all", "everything, in all namespaces")
    .option("--owner", "as the owner of the namespace, through the sidecar, instead of as the operator")
    .option("--json", "print the pauses that are in force then as one JSON array");
}

interface Change {
  readonly settled: (settings: ModeSettings, nowMs: number) => ModeSettings;
  readonly ask: { readonly method: "PUT" | "DELETE"; readonly body?: object };
}

/** The pauses in force afterwards. */
async function change(target: string | undefined, flags: ScopeFlags, changeOf: (scope: PauseScope) => Change): Promise<readonly Pause[]> {
  const config = configFrom(flags);
  const scope = scopeIn(target, flags, () => readStackFile(config.dataDir).namespace);
  const { settled, ask } = changeOf(scope);
  const nowMs = systemClock.nowMs();
  if (!flags.owner)
    return withAllocations(config, async (allocations) => {
      const after = await allocations.changeModes((settings) => settled(settings, nowMs));
      return pausesInForce(after, nowMs);
    });
  if (scope.namespace === undefined) throw new HarvestError("OWH_BAD_REQUEST", "Only an operator pauses everything: leave --owner out.");
  const { sidecar, auth } = readStackFile(config.dataDir);
  const path = [scope.namespace, ...(scope.action?.split("/") ?? [])].map(encodeURIComponent).join("/");
  return (await askJson<{ pauses: Pause[] }>(`${sidecar}/v1/pauses/${path}`, auth, ask)).pauses;
}

/** OWH_BAD_REQUEST unless the target, or --all, says plainly what is meant. */
export function scopeIn(target: string | undefined, { all }: { readonly all?: boolean }, ownNamespace: () => string): PauseScope {
  if (all && target !== undefined) throw new HarvestError("OWH_BAD_REQUEST", "Name a target or say --all, not both.");
  if (all) return {};
  const [, named, action] = /^\/([^/]+)(?:\/([^/]+(?:\/[^/]+)?))?$/.exec(target ?? "") ?? [];
  if (named === undefined) throw new HarvestError("OWH_BAD_REQUEST", `Say what is meant: ${TARGET}; or --all.`);
  const namespace = named === "_" ? ownNamespace() : named;
  return { namespace, ...(action === undefined ? {} : { action }) };
}

function pauseOf(scope: PauseScope, flags: PauseFlags, sinceMs: number): Pause {
  const { namespace, action } = scope;
  return {
    by: "operator",
    ...(namespace === undefined ? {} : { namespace }),
    ...(action === undefined ? {} : { action }),
    sinceMs,
    ...(flags.for === undefined ? {} : { untilMs: sinceMs + flags.for }),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
  };
}

export const PAUSE_COLUMNS: readonly Column<Pause>[] = [
  {
    head: "paused",
    of: (pause) => (scopeOf(pause) === "all" ? "everything" : `/${[pause.namespace, pause.action].filter(Boolean).join("/")}`),
  },
  { head: "by", of: ({ by }) => by },
  { head: "since (UTC)", of: ({ sinceMs }) => dateText(sinceMs) },
  { head: "until (UTC)", of: ({ untilMs }) => (untilMs === undefined ? "open" : dateText(untilMs)) },
  { head: "reason", of: ({ reason }) => reason },
];

function print(pauses: readonly Pause[], flags: ScopeFlags): void {
  process.stdout.write(listText(PAUSE_COLUMNS, pauses, flags, "ok: nothing is paused"));
}
