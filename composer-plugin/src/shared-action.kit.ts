/** An action whose runs share containers, as OpenWhisk's pools and the nodejs runtime have it (docs/intra-concurrency.md of OpenWhisk). */

export interface SharedOptions<Container> {
  /** Most runs of one container at a time. */
  readonly concurrency: number;
  /** Whether the runtime takes a run while another goes on (`__OW_ALLOW_CONCURRENT`). */
  readonly allowed: boolean;
  readonly start: () => Container;
  /** Room for a container, however many run in it. */
  readonly room: { take(): Promise<void>; giveBack(): void };
}

interface Used<Container> {
  readonly container: Container;
  running: number;
}

export class SharedAction<Container> {
  /** Containers that runs have been in, the most runs that one of them has had at a time, and all runs. */
  started = 0;
  most = 0;
  runs = 0;
  readonly #busy = new Set<Used<Container>>();
  readonly #idle: Container[] = [];
  #starting: Promise<void> | undefined;

  constructor(private readonly options: SharedOptions<Container>) {}

  /** Runs under way. */
  get running(): number {
    return [...this.#busy].reduce((sum, { running }) => sum + running, 0);
  }

  async run(work: (container: Container) => Promise<unknown>): Promise<unknown> {
    const used = await this.#join();
    this.most = Math.max(this.most, used.running);
    try {
      if (used.running > 1 && !this.options.allowed) return { error: "System not ready, status is running." };
      return await work(used.container);
    } finally {
      used.running--;
      if (used.running === 0) this.#giveBack(used);
    }
  }

  /** A container that has room, or a new one; what comes while one starts waits for it. */
  async #join(): Promise<Used<Container>> {
    for (;;) {
      const found = [...this.#busy].find(({ running }) => running < this.options.concurrency);
      if (found) {
        found.running++;
        this.runs++;
        return found;
      }
      this.#starting ??= this.#start().finally(() => {
        this.#starting = undefined;
      });
      await this.#starting;
    }
  }

  async #start(): Promise<void> {
    await this.options.room.take();
    const warm = this.#idle.pop();
    if (!warm) this.started++;
    this.#busy.add({ container: warm ?? this.options.start(), running: 0 });
  }

  #giveBack(used: Used<Container>): void {
    this.#busy.delete(used);
    this.#idle.push(used.container);
    this.options.room.giveBack();
  }
}
