/**
 * A simulated CFS bandwidth controller (kernel/sched/fair.c, Documentation/scheduler/sched-bwc.rst), for one group whose threads
 * always want to run, one per CPU: a pool that is filled up at each period's start, drawn by the CPUs in slices of 5 ms; a CPU
 * notices only at its tick that its slice is used up, and owes what it ran too long.
 */
export const PERIOD_US = 100_000;
export const SLICE_US = 5_000;
export const TICK_US = 4_000;

interface Cpu {
  /** Left of what it has drawn; negative when it owes. */
  leftUs: number;
  throttled: boolean;
  throttledSinceUs: number;
  readonly tickPhaseUs: number;
}

export interface CfsOptions {
  readonly quotaCores: number;
  readonly cpus: number;
  /** Each CPU's ticks come at this time modulo 4 ms; absent ones at 0. */
  readonly tickPhasesUs?: readonly number[];
  /** From here to there the threads want to run; always when absent. */
  readonly wanted?: (atUs: number) => boolean;
  /** When others have the CPU; never when absent. */
  readonly taken?: (cpu: number, atUs: number) => boolean;
}

export interface CfsState {
  readonly cpuUs: number;
  readonly throttledUs: number;
  readonly throttledPeriods: number;
}

/** Of the simulation; all times of the kernel's are multiples of it. */
const STEP_US = 500;

/** The group's counters at every 0.5 ms from 0 to `untilMs`. */
export function simulateCfs(
  untilMs: number,
  { quotaCores, cpus, tickPhasesUs = [], wanted = () => true, taken = () => false }: CfsOptions,
): CfsState[] {
  const quotaUs = quotaCores * PERIOD_US;
  const all: Cpu[] = Array.from({ length: cpus }, (_, i) => ({
    leftUs: 0,
    throttled: false,
    throttledSinceUs: 0,
    tickPhaseUs: tickPhasesUs[i] ?? 0,
  }));
  let poolUs = 0;
  let [cpuUs, throttledUs, throttledPeriods] = [0, 0, 0];
  const states: CfsState[] = [];
  for (let atUs = 0; atUs <= untilMs * 1_000; atUs += STEP_US) {
    if (atUs % PERIOD_US === 0) {
      poolUs = quotaUs;
      if (all.some((cpu) => cpu.throttled)) throttledPeriods++;
    }
    for (const cpu of all) if (cpu.throttled && draw(cpu)) release(cpu, atUs);
    states.push({ cpuUs, throttledUs, throttledPeriods });
    if (!wanted(atUs)) continue;
    for (const [i, cpu] of all.entries()) {
      if (cpu.throttled || taken(i, atUs)) continue;
      cpu.leftUs -= STEP_US;
      cpuUs += STEP_US;
      if ((atUs + STEP_US - cpu.tickPhaseUs) % TICK_US === 0 && cpu.leftUs <= 0 && !draw(cpu)) {
        cpu.throttled = true;
        cpu.throttledSinceUs = atUs + STEP_US;
      }
    }
  }
  return states;

  /** Pays what the CPU owes and takes a slice; false when the pool cannot lift it above 0. */
  function draw(cpu: Cpu): boolean {
    const amountUs = Math.min(poolUs, SLICE_US - cpu.leftUs);
    poolUs -= amountUs;
    cpu.leftUs += amountUs;
    return cpu.leftUs > 0;
  }

  function release(cpu: Cpu, atUs: number): void {
    cpu.throttled = false;
    throttledUs += atUs - cpu.throttledSinceUs;
  }
}

/** The state at a time in ms, to the step. */
export function stateAt(states: readonly CfsState[], atMs: number): CfsState {
  const index = Math.floor((atMs * 1_000) / STEP_US);
  return states[Math.min(index, states.length - 1)] as CfsState;
}
