/**
 * The applier's ear for plans: one blocking read of `harvest:plans` after another.
 *
 *   away --Redis answers: onGap--> listening --an error--> away
 *
 * plan-watch.W1  `onGap` comes before the first plan after every outage, so that a part that reads the hashes then has
 *     missed nothing.
 * plan-watch.W2  What cannot be read as plans is skipped.
 * plan-watch.W3  After stop() no handler is called.
 */
import type { PlanEntries, PlanWatch, PlanWatcher } from "@openwhisk-harvest/core";
import { isActivationId, parseJson, systemClock } from "@openwhisk-harvest/core";
import type { StreamReader } from "./redis-stream.js";
import { readAllocation } from "./redis-values.js";

/** One call a second to an idle stream; an answer comes as soon as there is a plan. */
export const BLOCK_MS = 1_000;
const PLANS_PER_READ = 500;
/** While Redis is away. The connection itself comes back within 250 ms. */
const PAUSE_MS = 100;

export function watchPlanStream(reader: StreamReader, watcher: PlanWatcher): PlanWatch {
  const stopping = new AbortController();
  const listening = listen(reader, watcher, stopping.signal);
  return {
    async stop() {
      stopping.abort();
      reader.close();
      await listening;
    },
  };
}

async function listen(reader: StreamReader, watcher: PlanWatcher, stopped: AbortSignal): Promise<void> {
  let after: string | undefined;
  while (!stopped.aborted)
    try {
      if (after === undefined) {
        after = await reader.newestId();
        if (!stopped.aborted) watcher.onGap();
        continue;
      }
      const { values, lastId } = await reader.read(after, BLOCK_MS, PLANS_PER_READ);
      after = lastId;
      if (!stopped.aborted) for (const value of values) tell(watcher, value);
    } catch {
      after = undefined; // Redis is away; the connection says so in the log, once
      await systemClock.sleep(PAUSE_MS, stopped).catch(() => undefined); // stopped
    }
}

function tell(watcher: PlanWatcher, text: string): void {
  const { v, root, entries } = (parseJson(text) ?? {}) as { v?: unknown; root?: unknown; entries?: unknown };
  if (v !== 1 || !isActivationId(root) || typeof entries !== "object" || entries === null) return;
  const plans = readPlans(entries as Record<string, unknown>);
  if (Object.keys(plans).length > 0) watcher.onPlans(root, plans);
}

/** Those of the entries that are allocations. Values are objects in the stream, texts in the hash. */
export function readPlans(values: Readonly<Record<string, unknown>>): PlanEntries {
  const plans = Object.entries(values).flatMap(([k, value]) => {
    const allocation = readAllocation(typeof value === "string" ? value : JSON.stringify(value));
    return allocation ? [[k, allocation] as const] : [];
  });
  return Object.fromEntries(plans);
}
