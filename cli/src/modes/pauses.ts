/** What `harvest pause` and `harvest resume` change and show. Pure. */
import { HarvestError, type ModeSettings, type Pause, type PauseScope, scopeOf, withoutPause, withPause } from "@openwhisk-harvest/core";
import type { Ask } from "@openwhisk-harvest/sidecar/client";
import type { Column } from "../output.js";
import { dateText } from "../times.js";

export interface PauseDetails {
  /** Ms after which it ends by itself. */
  readonly for?: number;
  readonly reason?: string;
}

/** One change of the pauses, as an operator makes it in Redis and as the owner of a namespace asks the sidecar for it. */
export interface PauseChange {
  readonly settled: (settings: ModeSettings, nowMs: number) => ModeSettings;
  readonly ask: Ask;
}

export const TARGET = "/namespace, /namespace/action, or /namespace/package/action; the key's own namespace is `_`";

export function pausing(scope: PauseScope, details: PauseDetails): PauseChange {
  const { for: forMs, reason } = details;
  return {
    settled: (settings, nowMs) => withPause(settings, pauseOf(scope, details, nowMs)),
    ask: { method: "PUT", body: { ...(forMs && { forMs }), ...(reason && { reason }) } },
  };
}

export function resuming(scope: PauseScope): PauseChange {
  return { settled: (settings, nowMs) => withoutPause(settings, scope, "operator", nowMs), ask: { method: "DELETE" } };
}

/** The sidecar's path for the scope. OWH_BAD_REQUEST for everything, which has no owner. */
export function pausePath({ namespace, action }: PauseScope): string {
  if (namespace === undefined) throw new HarvestError("OWH_BAD_REQUEST", "Only an operator pauses everything: leave --owner out.");
  return `/v1/pauses/${[namespace, ...(action?.split("/") ?? [])].map(encodeURIComponent).join("/")}`;
}

/** OWH_BAD_REQUEST unless the target, or `all`, says plainly what is meant. */
export async function scopeIn(
  target: string | undefined,
  { all }: { readonly all?: boolean },
  ownNamespace: () => Promise<string>,
): Promise<PauseScope> {
  if (all && target !== undefined) throw new HarvestError("OWH_BAD_REQUEST", "Name a target or say --all, not both.");
  if (all) return {};
  const [, named, action] = /^\/([^/]+)(?:\/([^/]+(?:\/[^/]+)?))?$/.exec(target ?? "") ?? [];
  if (named === undefined) throw new HarvestError("OWH_BAD_REQUEST", `Say what is meant: ${TARGET}; or --all.`);
  const namespace = named === "_" ? await ownNamespace() : named;
  return { namespace, ...(action === undefined ? {} : { action }) };
}

function pauseOf(scope: PauseScope, details: PauseDetails, sinceMs: number): Pause {
  const { namespace, action } = scope;
  return {
    by: "operator",
    ...(namespace === undefined ? {} : { namespace }),
    ...(action === undefined ? {} : { action }),
    sinceMs,
    ...(details.for === undefined ? {} : { untilMs: sinceMs + details.for }),
    ...(details.reason === undefined ? {} : { reason: details.reason }),
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
