/**
 * How soon a receiver grows when its donor gives, live: the donor's word goes over Redis to the ledger, its plan back over Redis to the
 * applier, and the applier's write into the receiver's control group. One request at a time.
 */
import { OLDEST_EVENT, parseRunKey, type RunEvent } from "@openwhisk-harvest/core";
import { RedisAllocationStore } from "@openwhisk-harvest/stores";
import { growthMs } from "./live/growth.js";
import { LiveWorkflow } from "./live/workflow.js";
import { type Figure, figure } from "./statistics.js";

const EVENTS_AT_ONCE = 1_000;

export async function benchLease(stages: number): Promise<Figure[]> {
  const workflow = await LiveWorkflow.start({ name: "parallel-aes", minBytes: 60_000, maxBytes: 120_000, profiledInputs: 20 });
  try {
    const { stack, own } = workflow;
    const inputs = await workflow.inputs(stages, 7);
    const stageMs: number[] = [];
    for (const params of inputs) {
      const run = await workflow.run(own, { kind: "harvest", policy: "makespan" }, params);
      if (run.failed === 0) stageMs.push(run.stageMs);
    }
    const users = new Map(own.dag.functions.map(({ astPath, user }) => [astPath, user.cpuCores ?? 0]));
    const userCoresOf = (k: string) => users.get(parseRunKey(k).astPath) ?? 0;
    const events = await eventsOf(String(stack.redis?.url));
    return [
      figure(
        "from the first donor's limit in force to the first receiver's",
        "ms",
        [...byRoot(events).values()].flatMap((one) => growthMs(one, userCoresOf) ?? []),
      ),
      figure("the stages in which that was", "ms", stageMs),
    ];
  } finally {
    await workflow.close();
  }
}

/** The stack's own store waits for events already. */
async function eventsOf(url: string): Promise<RunEvent[]> {
  const store = await RedisAllocationStore.connect({ url, timeoutMs: 1_000, ttlMs: 60_000 });
  try {
    const all: RunEvent[] = [];
    for (let after = OLDEST_EVENT; ; ) {
      const { events, lastId } = await store.readEvents({ after, blockMs: 1, limit: EVENTS_AT_ONCE });
      if (lastId === after || events.length === 0) return all;
      all.push(...events);
      after = lastId;
    }
  } finally {
    await store.close();
  }
}

function byRoot(events: readonly RunEvent[]): Map<string, RunEvent[]> {
  const roots = new Map<string, RunEvent[]>();
  for (const event of events) {
    if (event.k === undefined) continue;
    const { root } = parseRunKey(event.k);
    roots.set(root, [...(roots.get(root) ?? []), event]);
  }
  return roots;
}
