/**
 * Compositions under load without containers: the real Admission and the real placer with its line, on time that jumps
 * from one event to the next. Only what runs in a container is modelled: it takes its time and ends.
 */
import { type PlacementRequest, Placer, placementPolicy } from "@openwhisk-harvest/placement";
import { WhiskRejection } from "../whisk-rejection.js";
import { Admission } from "./admission.js";
import type { RootRun } from "./parts.js";

export type Step =
  | { readonly nap: { readonly ms: number; readonly memoryMb: number; readonly cpuCores: number } }
  | { readonly parallel: readonly Composition[] }
  | { readonly call: Composition };
export type Composition = readonly Step[];

export interface Arrival {
  readonly atMs: number;
  readonly namespace: string;
  readonly composition: Composition;
}

export interface WorldOptions {
  readonly invokers: number;
  readonly cpuCores: number;
  readonly memoryMb: number;
  readonly conductorMb: number;
  /** Conductors hold their memory while they wait, as plain composer's do; else the server joins. */
  readonly holdsWhileWaiting: boolean;
  /** How it was before: no admission, and neither runs nor levels in the line. */
  readonly oldRules?: boolean;
}

type Release = () => void;
const CONDUCTOR_MS = 1;

export class World {
  readonly counts = { letIn: 0, refused: 0, ended: 0, refusedLater: 0, begun: 0 };
  /** How many runs were under way when one began, itself included. */
  readonly begunAtOnce: number[] = [];
  /** When the last run ended. */
  endedAtMs = 0;
  readonly #options: WorldOptions;
  readonly #agenda: { readonly atMs: number; readonly run: () => void }[] = [];
  readonly #clock = { monotonicMs: () => this.#nowMs };
  readonly #placer: Placer;
  readonly #admission: Admission;
  #nowMs = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    const { cpuCores, memoryMb, invokers } = options;
    this.#placer = new Placer({
      policy: placementPolicy("greedy-jsq"),
      invokers: Array.from({ length: invokers }, (_, id) => ({ id, capacity: { cpuCores, memoryMb } })),
      step: { cpuCores: 0.25, memoryMb: 128 },
      conductorMemoryShare: 0.5,
      leavesRoom: !options.oldRules,
      queueLength: Number.POSITIVE_INFINITY,
      clock: this.#clock,
    });
    const capacity = { cpuCores: cpuCores * invokers, memoryMb: memoryMb * invokers };
    const limits = { concurrentInvocations: 100, queueLength: 1_000, admissionWaitMs: 5_000, capacity };
    this.#admission = new Admission(limits, this.#clock, () => this.#placer.wake());
  }

  /** Until nothing can happen any more. */
  play(arrivals: readonly Arrival[]): void {
    for (const arrival of arrivals) this.#at(arrival.atMs, () => this.#arrive(arrival));
    for (let next = this.#agenda.shift(); next; next = this.#agenda.shift()) {
      this.#nowMs = next.atMs;
      next.run();
    }
  }

  get waiting(): number {
    return this.#placer.waiting;
  }

  /** All permits are back. */
  get isEmpty(): boolean {
    const { cpuCores, memoryMb } = this.#options;
    return this.#placer.invokers().every(({ free }) => free.cpuCores === cpuCores && free.memoryMb === memoryMb);
  }

  #at(atMs: number, run: () => void): void {
    const after = this.#agenda.findIndex((event) => event.atMs > atMs);
    this.#agenda.splice(after < 0 ? this.#agenda.length : after, 0, { atMs, run });
  }

  #arrive({ namespace, composition }: Arrival): void {
    let run: RootRun;
    try {
      run = this.#admission.letIn(namespace);
    } catch (error) {
      if (!(error instanceof WhiskRejection)) throw error;
      this.counts.refused++;
      return;
    }
    this.counts.letIn++;
    new Session(this, { run, namespace, level: 0, depth: depthOf(composition) }, composition, () => {
      this.counts.ended++;
      this.endedAtMs = this.#nowMs;
      run.end();
    }).go(0);
  }

  /** One activation: `then` hears of its place, and gives it back. */
  activate(
    of: Member,
    what: { readonly conductor: boolean; readonly memoryMb: number; readonly cpuCores: number },
    then: (release: Release) => void,
  ) {
    const { run, namespace, level, depth } = of;
    const { conductor, memoryMb, cpuCores } = what;
    const want = { cpuCores, memoryMb };
    const isNew = !run.hasBegun;
    const ended = conductor ? () => undefined : run.ask(want);
    const place = {
      ...{ order: run.order, level, isNew },
      ...(isNew && conductor && { isHeldBack: () => !run.mayBegin() }),
      ...(isNew && this.#options.holdsWhileWaiting && { depth }),
    };
    const base: PlacementRequest = { activationId: "", namespace, want, atLeast: want, conductor };
    const request = this.#options.oldRules ? base : { ...base, run: place };
    const placed = (acquired: { release(): void }) => {
      if (isNew) this.begunAtOnce.push(++this.counts.begun - this.counts.ended);
      run.enter("begun");
      then(() => {
        acquired.release();
        ended();
      });
    };
    const refused = () => {
      if (run.hasBegun) this.counts.refusedLater++;
      else this.counts.refused++;
      this.counts.letIn--;
      run.end();
    };
    try {
      const offered = this.#placer.offer({ request, isWarm: () => false, sinceMs: this.#nowMs }, (outcome) =>
        outcome instanceof Error ? refused() : placed(outcome),
      );
      if ("release" in offered) placed(offered);
      else run.enter("waiting");
    } catch {
      refused();
    }
  }

  after(ms: number, run: () => void): void {
    this.#at(this.#nowMs + ms, run);
  }

  get holdsWhileWaiting(): boolean {
    return this.#options.holdsWhileWaiting;
  }

  get conductor() {
    return { conductor: true, memoryMb: this.#options.conductorMb, cpuCores: 0 };
  }
}

interface Member {
  readonly run: RootRun;
  readonly namespace: string;
  readonly level: number;
  readonly depth: number;
}

/** The conductor loop (compose.ts) for one session. */
class Session {
  readonly #world: World;
  readonly #of: Member;
  readonly #composition: Composition;
  readonly #done: () => void;

  constructor(world: World, of: Member, composition: Composition, done: () => void) {
    this.#world = world;
    this.#of = of;
    this.#composition = composition;
    this.#done = done;
  }

  /** The conductor is invoked, to find out what is next. */
  go(at: number): void {
    this.#world.activate(this.#of, this.#world.conductor, (release) => this.#world.after(CONDUCTOR_MS, () => this.#next(at, release)));
  }

  #next(at: number, release: Release): void {
    const step = this.#composition[at];
    const keepsItsPlace = step && "parallel" in step && this.#world.holdsWhileWaiting;
    if (!keepsItsPlace) release();
    if (!step) this.#done();
    else if ("nap" in step) this.#nap(step.nap, () => this.go(at + 1));
    else if ("call" in step) new Session(this.#world, this.#of, step.call, () => this.go(at + 1)).go(0);
    else this.#fork(step.parallel, () => (keepsItsPlace ? this.#next(at + 1, release) : this.go(at + 1)));
  }

  #nap({ ms, ...want }: { readonly ms: number; readonly memoryMb: number; readonly cpuCores: number }, done: () => void): void {
    this.#world.activate(this.#of, { conductor: false, ...want }, (release) =>
      this.#world.after(ms, () => {
        release();
        done();
      }),
    );
  }

  #fork(branches: readonly Composition[], joined: () => void): void {
    let left = branches.length;
    const ended = () => {
      if (--left === 0) joined();
    };
    const of = { ...this.#of, level: this.#of.level + 1 };
    for (const branch of branches) new Session(this.#world, of, branch, ended).go(0);
  }
}

export function depthOf(composition: Composition): number {
  const depths = composition.map((step) => {
    if ("parallel" in step) return 1 + Math.max(0, ...step.parallel.map(depthOf));
    return "call" in step ? depthOf(step.call) : 0;
  });
  return Math.max(0, ...depths);
}
