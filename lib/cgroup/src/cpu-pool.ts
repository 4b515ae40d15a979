/** Which whole CPUs each group runs on: always the least taken ones. Pure but for its own counts. */

export class CpuPool {
  readonly #groupsOn: Map<number, number>;

  constructor(cpus: readonly number[]) {
    this.#groupsOn = new Map(cpus.map((cpu) => [cpu, 0]));
  }

  get all(): number[] {
    return [...this.#groupsOn.keys()];
  }

  /** At least one CPU and at most all: `cpuCores` rounded up, so that no container gets less than was promised. */
  take(cpuCores: number): number[] {
    const count = Math.min(Math.max(1, Math.ceil(cpuCores)), this.#groupsOn.size);
    const leastTaken = [...this.#groupsOn].sort(([cpuA, a], [cpuB, b]) => a - b || cpuA - cpuB).slice(0, count);
    for (const [cpu, groups] of leastTaken) this.#groupsOn.set(cpu, groups + 1);
    return leastTaken.map(([cpu]) => cpu).sort((a, b) => a - b);
  }

  giveBack(cpus: readonly number[]): void {
    for (const cpu of cpus) this.#groupsOn.set(cpu, (this.#groupsOn.get(cpu) ?? 1) - 1);
  }
}
