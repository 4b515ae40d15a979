/**
 * Keeps containers ready that no action has been loaded into (ContainerPool.scala calls them prewarmed): a cold start
 * is then only an /init. They are taken by kind and memory limit, exactly: a runtime sizes its heap by the limit that
 * it starts under.
 *
 * prewarm.W1  A container serves one action: what is taken never comes back.
 * prewarm.W2  Whatever goes wrong with the stock, `create` does what the driver does.
 * prewarm.W3  The environment of a request reaches a stocked container with its /init, before any user code runs.
 * prewarm.W4  The stock is not charged to any invoker: it is there beside their memory, until it is taken.
 */
import { messageOf } from "@openwhisk-harvest/core";
import type { CallLimits, Container, ContainerCall, ContainerDriver, ContainerSpec } from "./driver.js";
import type { Logger } from "./logger.js";

export interface StemCell {
  readonly kind: string;
  readonly memoryMb: number;
  /** How many are kept ready. */
  readonly count: number;
}

/** One conductor and one function of the usual sizes; an idle one takes some 40 MB. */
export const DEFAULT_STOCK: readonly StemCell[] = [
  { kind: "nodejs:20", memoryMb: 128, count: 1 },
  { kind: "nodejs:20", memoryMb: 256, count: 1 },
];

/** Starts filling the stock at once and does not wait for it. Closing it closes the driver. */
export function withPrewarm(driver: ContainerDriver, stock: readonly StemCell[], logger: Logger): ContainerDriver {
  return new PrewarmingDriver(driver, stock, logger);
}

interface Shelf extends StemCell {
  readonly ready: Container[];
  /** Being started. */
  starting: number;
}

class PrewarmingDriver implements ContainerDriver {
  readonly #driver: ContainerDriver;
  readonly #shelves: readonly Shelf[];
  readonly #logger: Logger;
  readonly #pending = new Set<Promise<void>>();
  #closed = false;

  constructor(driver: ContainerDriver, stock: readonly StemCell[], logger: Logger) {
    this.#driver = driver;
    this.#logger = logger;
    this.#shelves = stock.map((cell) => ({ ...cell, ready: [], starting: 0 }));
    for (const shelf of this.#shelves) this.#fill(shelf);
  }

  get enforcement() {
    return this.#driver.enforcement;
  }

  get walled() {
    return this.#driver.walled ?? false;
  }

  async create(spec: ContainerSpec): Promise<Container> {
    const shelf = spec.image === undefined ? this.#shelves.find((each) => fits(each, spec)) : undefined;
    const taken = shelf && takeAlive(shelf);
    if (shelf) this.#fill(shelf);
    return taken ? withEnvironment(taken, spec.environment) : await this.#driver.create(spec);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#driver.close();
    await Promise.all(this.#pending);
  }

  #fill(shelf: Shelf): void {
    while (!this.#closed && shelf.ready.length + shelf.starting < shelf.count) {
      shelf.starting++;
      const pending = this.#stock(shelf).finally(() => {
        shelf.starting--;
        this.#pending.delete(pending);
      });
      this.#pending.add(pending);
    }
  }

  /** A failure is not repeated at once: the next `create` of this kind tries again. */
  async #stock(shelf: Shelf): Promise<void> {
    const { kind, memoryMb } = shelf;
    try {
      const name = `prewarm_${kind.replaceAll(/\W/g, "")}`;
      const container = await this.#driver.create({ name, kind, memoryLimitMb: memoryMb, environment: {} });
      if (this.#closed) await container.destroy();
      else shelf.ready.push(container);
    } catch (error) {
      if (!this.#closed) this.#logger.warn({ kind, memoryMb, error: messageOf(error) }, "A container cannot be started ahead of its use.");
    }
  }
}

function fits(cell: StemCell, { kind, memoryLimitMb }: ContainerSpec): boolean {
  return cell.kind === kind && cell.memoryMb === memoryLimitMb;
}

/** The oldest that still lives; a dead one is cleared away. */
function takeAlive({ ready }: Shelf): Container | undefined {
  for (let next = ready.shift(); next; next = ready.shift()) {
    if (next.alive) return next;
    void next.destroy();
  }
  return undefined;
}

/** prewarm.W3 */
function withEnvironment(container: Container, environment: Readonly<Record<string, string>>): Container {
  const initialize = container.initialize.bind(container);
  container.initialize = (payload: object, limits: CallLimits): Promise<ContainerCall> => {
    const { value } = payload as { value: { env?: object } };
    return initialize({ ...payload, value: { ...value, env: { ...environment, ...value.env } } }, limits);
  };
  return container;
}
