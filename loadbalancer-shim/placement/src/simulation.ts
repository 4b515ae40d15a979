/**
 * Policies side by side: one recorded sequence of compositions is run through the placer on simulated time, so that two
 * policies differ in nothing but their decisions. A function that does not run where its composition's previous stage ran first
 * fetches its input: that is the cost which composition-aware placement saves (paper, 3.6.1).
 */
import { type Allocation, HarvestError, type Rng } from "@openwhisk-harvest/core";
import type { Acquired } from "./acquired.js";
import { Placer } from "./placer.js";
import type { PlacementPolicy } from "./policy.js";

export interface SimulatedFunction {
  readonly action: string;
  readonly allocation: Allocation;
  readonly runMs: number;
}

/** One composition of the sequence: its stages run one after another, the functions of a stage side by side. */
export interface Arrival {
  readonly atMs: number;
  readonly namespace: string;
  readonly stages: readonly (readonly SimulatedFunction[])[];
}

export interface SimulationOptions {
  readonly policy: PlacementPolicy;
  readonly arrivals: readonly Arrival[];
  readonly invokers: readonly { readonly id: number; readonly capacity: Allocation }[];
  /** Time to fetch an input from another invoker. */
  readonly transferMs: number;
  readonly queueLength: number;
}

export interface SimulationResult {
  readonly policy: string;
  readonly completed: number;
  /** Compositions that ended because one of their functions was refused. */
  readonly refused: number;
  /** Of each composition that completed, ascending. */
  readonly completionMs: readonly number[];
  /** Share of the functions after the first stage that ran where the stage before had run. */
  readonly colocated: number;
  readonly longestQueue: number;
}

interface CompositionRun {
  readonly arrival: Arrival;
  readonly cause: string;
  stage: number;
  left: number;
  refused: boolean;
  /** Where the stage before ran, and where this one runs. */
  before: Set<number>;
  here: Set<number>;
}

export function simulate(options: SimulationOptions): SimulationResult {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #placer: Placer;
  readonly #agenda = new Agenda();
  readonly #completionMs: number[] = [];
  #refused = 0;
  #followers = 0;
  #colocated = 0;
  #longestQueue = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { policy, invokers, queueLength } = options;
    this.#placer = new Placer({
      policy,
      invokers,
      queueLength,
      step: { cpuCores: 0.25, memoryMb: 128 },
      conductorMemoryShare: 0.5,
      clock: { monotonicMs: () => this.#agenda.nowMs },
    });
  }

  run(): SimulationResult {
    const { arrivals, policy } = this.#options;
    for (const [index, arrival] of arrivals.entries()) {
      const run: CompositionRun = { arrival, cause: `c${index}`, stage: 0, left: 0, refused: false, before: new Set(), here: new Set() };
      this.#agenda.at(arrival.atMs, () => this.#startStage(run));
    }
    this.#agenda.run();
    return {
      policy: policy.name,
      completed: this.#completionMs.length,
      refused: this.#refused,
      completionMs: this.#completionMs.sort((a, b) => a - b),
      colocated: this.#colocated / Math.max(1, this.#followers),
      longestQueue: this.#longestQueue,
    };
  }

  #startStage(run: CompositionRun): void {
    const functions = run.arrival.stages[run.stage] ?? [];
    run.left = functions.length;
    for (const f of functions) this.#offer(run, f);
    for (const { inFlight } of this.#placer.invokers()) this.#longestQueue = Math.max(this.#longestQueue, inFlight);
  }

  #offer(run: CompositionRun, f: SimulatedFunction): void {
    const { cause, arrival } = run;
    const { namespace } = arrival;
    const { action, allocation } = f;
    const request = { activationId: "", cause, namespace, action, want: allocation, atLeast: allocation, conductor: false };
    const start = (outcome: Acquired | Error) => (outcome instanceof Error ? this.#end(run, true) : this.#execute(run, f, outcome));
    try {
      const offered = this.#placer.offer({ request, isWarm: () => false, sinceMs: this.#agenda.nowMs }, start);
      if ("release" in offered) start(offered);
    } catch (error) {
      if (!(error instanceof HarvestError)) throw error;
      this.#end(run, true);
    }
  }

  #execute(run: CompositionRun, { runMs }: SimulatedFunction, acquired: Acquired): void {
    const follows = run.stage > 0;
    const near = run.before.has(acquired.invoker);
    if (follows) this.#followers++;
    if (follows && near) this.#colocated++;
    run.here.add(acquired.invoker);
    this.#agenda.at(this.#agenda.nowMs + runMs + (follows && !near ? this.#options.transferMs : 0), () => {
      acquired.release();
      this.#end(run, false);
    });
  }

  #end(run: CompositionRun, refused: boolean): void {
    run.refused ||= refused;
    if (--run.left > 0) return;
    if (run.refused) this.#refused++;
    else if (run.stage + 1 === run.arrival.stages.length) this.#completionMs.push(this.#agenda.nowMs - run.arrival.atMs);
    else {
      run.stage++;
      run.before = run.here;
      run.here = new Set();
      this.#startStage(run);
    }
  }
}

/** What happens when, in the order of time and, at the same time, of entry. */
class Agenda {
  nowMs = 0;
  readonly #entries: { readonly atMs: number; readonly run: () => void }[] = [];

  at(atMs: number, run: () => void): void {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      // Latest first, so that the next one is popped off the end.
      if ((this.#entries[middle]?.atMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.#entries.splice(low, 0, { atMs, run });
  }

  run(): void {
    for (let entry = this.#entries.pop(); entry; entry = this.#entries.pop()) {
      this.nowMs = entry.atMs;
      entry.run();
    }
  }
}

/**
 * The sequence that policies are compared on: compositions of a first function, a parallel stage of skewed times and a last
 * function, of 20 actions and three namespaces, arriving at random (exponential gaps).
 */
export function drawArrivals(rng: Rng, count: number, perSecond: number): Arrival[] {
  let atMs = 0;
  return Array.from({ length: count }, () => {
    atMs += (-Math.log(1 - rng.next()) * 1000) / perSecond;
    const job = Math.floor(rng.next() * 4);
    const f = (name: string, cpuCores: number, runMs: number) => ({
      action: `ns/${name}${job}`,
      allocation: { cpuCores, memoryMb: 256 },
      runMs,
    });
    const branches = Array.from({ length: 2 + Math.floor(rng.next() * 3) }, (_, i) => f(`branch${i}`, 1, 50 + 400 * rng.next() ** 3));
    return { atMs, namespace: `ns${Math.floor(rng.next() * 3)}`, stages: [[f("first", 1, 40)], branches, [f("last", 1, 60)]] };
  });
}
