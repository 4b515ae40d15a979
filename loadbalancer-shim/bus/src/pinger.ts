/**
 * The virtual invoker's pings, from a loop and over a connection of their own: ten seconds without one, and the
 * controllers answer 503 (openwhisk-protocol, 2.8.11). Every replica pings, for a takeover takes longer than nothing,
 * and equal pings do no harm: the one in charge as long as it has an invoker to offer, the others as long as pings that
 * say enabled have been the last word.
 */
import type { Clock, HarvestError } from "@openwhisk-harvest/core";
import { readPing, virtualPing } from "./messages.js";
import type { BusRecord, Sender } from "./port.js";
import { VIRTUAL_ID } from "./topics.js";

/** As invokers do (openwhisk-protocol, 1.3). */
const PING_MS = 1_000;

export interface PingerOptions {
  readonly sender: Sender;
  readonly topic: string;
  readonly clock: Clock;
  /** Undefined while another replica is in charge. */
  readonly ready: () => boolean | undefined;
  readonly onFailure: (error: HarvestError) => void;
}

export class Pinger {
  readonly #options: PingerOptions;
  /** What the last ping of any replica said. */
  #lastSaid = false;
  #disabled = false;

  constructor(options: PingerOptions) {
    this.#options = options;
  }

  /** Pings of the virtual invoker as the controllers see them, the others' and our own. */
  heard(records: readonly BusRecord[]): void {
    for (const { value } of records) {
      const ping = readPing(value);
      if (ping?.instance === VIRTUAL_ID) this.#lastSaid = ping.isEnabled;
    }
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#pingOnce();
      } catch (error) {
        if (!signal.aborted) this.#options.onFailure(error as HarvestError);
      }
      await this.#options.clock.sleep(PING_MS, signal).catch(() => undefined); // stopped
    }
  }

  /** Tells the controllers at once that there is no invoker any more. */
  async disable(): Promise<void> {
    this.#disabled = true;
    await this.#send(false);
  }

  async #pingOnce(): Promise<void> {
    if (this.#disabled) return;
    const ready = this.#options.ready();
    if (ready ?? this.#lastSaid) await this.#send(true);
    // Once is enough: then the controllers wait for an enabled ping.
    else if (ready === false && this.#lastSaid) await this.#send(false);
  }

  async #send(isEnabled: boolean): Promise<void> {
    const { sender, topic } = this.#options;
    await sender.send([{ topic, value: virtualPing(VIRTUAL_ID, isEnabled) }]);
    this.#lastSaid = isEnabled;
  }
}
