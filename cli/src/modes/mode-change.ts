/** What `harvest mode` changes and shows. Pure. */
import { HarvestError, isProfiled, MODES, type Mode, type ModeSettings, pausesInForce, withNamespaceMode } from "@openwhisk-harvest/core";
import { tableLines } from "../output.js";
import { dateText } from "../times.js";
import { PAUSE_COLUMNS } from "./pauses.js";

export interface ModeScope {
  /** All namespaces when absent. */
  readonly namespace: string | undefined;
  /** Take the namespace's own mode away. */
  readonly clear?: boolean | undefined;
}

/** The settings with the mode that is named. OWH_BAD_REQUEST when there is no such mode, or it does not go with the scope. */
export function withMode(settings: ModeSettings, mode: string | undefined, { namespace, clear }: ModeScope): ModeSettings {
  if (clear && (mode !== undefined || namespace === undefined))
    throw new HarvestError("OWH_BAD_REQUEST", "--clear goes with --namespace, and without a mode.");
  if (namespace !== undefined) return withNamespaceMode(settings, namespace, clear ? undefined : modeNamed(mode ?? ""));
  return { ...settings, global: modeNamed(mode ?? "") };
}

function modeNamed(name: string): Mode {
  const mode = MODES.find((m) => m === name);
  if (!mode) throw new HarvestError("OWH_BAD_REQUEST", `No mode is called ${JSON.stringify(name)}; there are ${MODES.join(", ")}.`);
  return mode;
}

/** OWH_BAD_REQUEST unless it is an EntityName of OpenWhisk. */
export function namespaceNamed(name: string | undefined): string | undefined {
  if (name === undefined || /^\w(?:[\w@ .-]{0,254}[\w@.-])?$/.test(name)) return name;
  throw new HarvestError("OWH_BAD_REQUEST", `${JSON.stringify(name)} is not a name that OpenWhisk allows for a namespace.`);
}

/** One line for each setting in force, and a table of the pauses. */
export function describeModes(settings: ModeSettings, nowMs: number): string[] {
  const pauses = pausesInForce(settings, nowMs);
  const profiled = Object.entries(settings.profilingUntilMs ?? {}).filter(([namespace]) => isProfiled(settings, namespace, nowMs));
  return [
    `ok: all namespaces: ${settings.global}`,
    ...Object.entries(settings.namespaces).map(([namespace, own]) => `ok: ${namespace}: ${own}`),
    ...profiled.map(([namespace, untilMs]) => `ok: ${namespace}: held in mode profile until ${dateText(untilMs)} (UTC) at most`),
    ...(pauses.length === 0 ? [] : ["", ...tableLines(PAUSE_COLUMNS, pauses)]),
  ];
}
