/**
 * Lets a pause, and the mode `off`, reach the runs that are under way: while stages are open the modes are read every
 * PERIOD_MS, and what is paused by then is closed with every branch at U. New runs need no watch, since appliers read
 * the modes at every start. While Redis is away nothing is known, and nothing happens: appliers hold what they hold, as
 * in any outage.
 */
import { type AllocationStore, type Clock, type ModeSettings, messageOf, pauseOver } from "@openwhisk-harvest/core";
import type { Logger } from "pino";
import { actionIn } from "../consent.js";
import type { Ledgers } from "./ledgers.js";
import type { StageTerms } from "./stage.js";

/** With the read, the plan and its way to the applier a pause is in force within a second. */
const PERIOD_MS = 250;

export interface PauseWatchOptions {
  readonly allocations: Pick<AllocationStore, "modes">;
  readonly ledgers: Pick<Ledgers, "isIdle" | "pause">;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PauseWatch {
  readonly #options: PauseWatchOptions;
  readonly #closing = new AbortController();
  readonly #loop: Promise<void>;

  constructor(options: PauseWatchOptions) {
    this.#options = options;
    this.#loop = this.#watch();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#loop;
  }

  async #watch(): Promise<void> {
    const { clock, ledgers, logger } = this.#options;
    while (!this.#closing.signal.aborted) {
      await clock.sleep(PERIOD_MS, this.#closing.signal).catch(() => undefined); // closing
      if (this.#closing.signal.aborted || ledgers.isIdle) continue;
      try {
        await this.#look();
      } catch (error) {
        logger.debug({ reason: messageOf(error) }, "pauses could not be looked for");
      }
    }
  }

  async #look(): Promise<void> {
    const { allocations, ledgers, clock } = this.#options;
    const settings = await allocations.modes();
    await ledgers.pause((stage) => isPaused(stage, settings, clock.nowMs()));
  }
}

/** Off or paused as a whole, or for one of its actions. */
export function isPaused({ namespace, branches }: StageTerms, settings: ModeSettings, nowMs: number): boolean {
  const own = Object.hasOwn(settings.namespaces, namespace) ? settings.namespaces[namespace] : undefined;
  if (settings.global === "off" || own === "off") return true;
  return branches
    .flatMap(({ functions }) => functions)
    .some(({ name }) => pauseOver(settings, { namespace, action: actionIn(namespace, name) }, nowMs));
}
