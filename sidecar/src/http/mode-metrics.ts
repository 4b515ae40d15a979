/**
 * The modes as metrics, read from Redis when they are asked for: a pause that was forgotten shows on every dashboard.
 */
import {
  type AllocationStore,
  type Clock,
  isProfiled,
  MODES,
  type ModeSettings,
  PAUSE_SCOPES,
  pausesInForce,
  scopeOf,
} from "@openwhisk-harvest/core";
import { Gauge, type Registry } from "prom-client";
import { withinDeadline } from "../deadline.js";

const READ_DEADLINE_MS = 1_000;

/** While Redis does not answer these metrics have no series: an old mode would be a lie. */
export function registerModeMetrics(registry: Registry, allocations: Pick<AllocationStore, "modes">, clock: Clock): void {
  const gauge = <L extends string>(
    name: string,
    help: string,
    label: L,
    values: (settings: ModeSettings) => [value: string, count: number][],
  ) =>
    new Gauge({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      async collect() {
        this.reset();
        const [read] = await Promise.allSettled([withinDeadline(clock, READ_DEADLINE_MS, "Reading the modes", allocations.modes())]);
        if (read.status === "rejected") return;
        for (const [value, count] of values(read.value)) this.set({ [label]: value } as Record<L, string>, count);
      },
    });

  gauge("harvest_mode", "1 for the mode of all namespaces that have none of their own", "mode", ({ global }) =>
    MODES.map((mode) => [mode, global === mode ? 1 : 0]),
  );
  gauge("harvest_namespaces_in_mode", "Namespaces with this mode of their own", "mode", (settings) => {
    const named = Object.keys({ ...settings.namespaces, ...settings.profilingUntilMs });
    const own = named.map((name) => (isProfiled(settings, name, clock.nowMs()) ? "profile" : settings.namespaces[name]));
    return MODES.map((mode) => [mode, own.filter((one) => one === mode).length]);
  });
  gauge("harvest_paused", "Pauses in force, by what they cover", "scope", (settings) => {
    const inForce = pausesInForce(settings, clock.nowMs());
    return PAUSE_SCOPES.map((scope) => [scope, inForce.filter((pause) => scopeOf(pause) === scope).length]);
  });
}
