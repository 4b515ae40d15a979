/** A node of whatever containers, on a clock that a test moves, with a store that remembers what it is told. */
import {
  type Allocation,
  FIRST_EPOCH,
  type Grid,
  type HarvestParam,
  type Observation,
  type PlanWatcher,
  type PublishedAllocation,
  type RunEvent,
} from "@openwhisk-harvest/core";
import { HandClock, RecordingLogger } from "@openwhisk-harvest/testkit";
import type { LimitedContainer } from "./limited-container.js";
import { Node } from "./node.js";
import { Reporter } from "./reporter.js";
import type { Run } from "./run.js";
import type { RunTerms } from "./terms.js";

export const GRID: Grid = { cpuCores: { min: 0.25, max: 4, step: 0.25 }, memoryMb: { min: 128, max: 8192, step: 128 } };
export const ROOT = "ab".repeat(16);
const DECISION = "d1";
export const keyOf = (n: number) => `${ROOT}:/[${n}]:0`;
export const published = (more: Partial<PublishedAllocation>): PublishedAllocation => ({
  ...{ v: 1, decision: DECISION, namespace: "guest", epoch: FIRST_EPOCH },
  ...more,
});

export interface StartOptions {
  readonly timeLimitMs?: number;
  /** Of what is published; U when absent. */
  readonly allocation?: Partial<PublishedAllocation>;
  /** @defaultValue that of the run, where there is an allocation */
  readonly harvest?: HarvestParam;
  readonly onExpired?: (run: Run) => void;
}

export class TestNode {
  readonly clock = new HandClock();
  readonly logger = new RecordingLogger();
  readonly events: RunEvent[] = [];
  readonly observations: Observation[] = [];
  readonly node: Node;
  #watcher: PlanWatcher | undefined;
  #count = 0;

  constructor(capacity: Allocation = { cpuCores: 2, memoryMb: 2048 }) {
    const { clock, logger } = this;
    const store = {
      putObservation: async (seen: Observation) => void this.observations.push(seen),
      appendEvent: async (event: RunEvent) => void this.events.push(event),
    };
    this.node = new Node({
      ...{
        name: "node0",
        capacity,
        grid: GRID,
        enforcement: "cgroup-v2" as const,
        sampling: { periodMs: 20, windowMs: 100 },
        clock,
        logger,
      },
      reporter: new Reporter(store, { clock, logger }),
      plans: {
        plans: async () => ({}),
        watchPlans: (watcher) => {
          this.#watcher = watcher;
          return { stop: async () => undefined };
        },
      },
    });
  }

  /** Begins the run whose key is keyOf(n), n counting up; see `runOf`. */
  async begin(container: LimitedContainer, options: StartOptions = {}): Promise<Run> {
    const n = this.#count++;
    const { allocation, timeLimitMs = 60_000, onExpired } = options;
    const { harvest = allocation && { k: keyOf(n), d: DECISION } } = options;
    const { user } = container;
    const cores = user.cpuCores ?? 2;
    const terms: RunTerms = {
      ...{ mode: "harvest", user, namespace: "guest" },
      ...(harvest && { harvest }),
      ...(allocation && { allocation: published(allocation) }),
      granted: { cpuCores: allocation?.cpuCores ?? cores, memoryMb: Math.max(user.memoryMb, allocation?.memoryMb ?? 0) },
    };
    const start = { activationId: String(n).padStart(32, "0"), cold: false, timeLimitMs };
    // Samples are stamped by the clock that the test moves, whatever stamps them in the kernel's container.
    const read = () => ({ ...container.group.read("usage"), atMs: this.clock.monotonicMs() });
    return this.node.begin(overlaid(container, { group: { read } }), start, terms, onExpired);
  }

  /** A ledger's plan for the run with this key. */
  plan(n: number, allocation: Partial<PublishedAllocation>): void {
    this.#watcher?.onPlans(ROOT, { [keyOf(n)]: published({ epoch: FIRST_EPOCH + 1, ...allocation }) });
  }

  /** What was told of the run with this key, about its lease. */
  words(n: number): [type: string, epoch: number | undefined, cpuCores: number | undefined][] {
    return this.events.flatMap(({ k, type, lease }) => (k === keyOf(n) ? [[type, lease?.epoch, lease?.limits.cpuCores]] : []));
  }
}

/** The same container, but for these changes. */
export function overlaid(container: LimitedContainer, changes: Partial<LimitedContainer>): LimitedContainer {
  return new Proxy(container, {
    get: (target, key) => {
      const value: unknown = Reflect.get(key in changes ? changes : target, key);
      return typeof value === "function" && !(key in changes) ? value.bind(target) : value;
    },
  });
}
