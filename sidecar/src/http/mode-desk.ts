/**
 * Pauses that a namespace's owner makes and ends (core, mode.ts). Redis holds all modes as one value, so changes are made one after
 * another here; an operator who writes at the very same moment wins or loses as a whole, and every answer says what is in force then.
 */
import {
  type AllocationStore,
  type Clock,
  type ModeSettings,
  type Pause,
  type PauseScope,
  withoutPause,
  withPause,
} from "@openwhisk-harvest/core";

export interface OwnerScope extends PauseScope {
  readonly namespace: string;
}

export class ModeDesk {
  readonly #allocations: Pick<AllocationStore, "modes" | "setModes">;
  readonly #clock: Clock;
  #last: Promise<unknown> = Promise.resolve();

  constructor(allocations: Pick<AllocationStore, "modes" | "setModes">, clock: Clock) {
    this.#allocations = allocations;
    this.#clock = clock;
  }

  modes(): Promise<ModeSettings> {
    return this.#allocations.modes();
  }

  /** Holds for the next run that starts; for ever without `forMs`. */
  pause(
    { namespace, action }: OwnerScope,
    { forMs, reason }: { forMs?: number | undefined; reason?: string | undefined },
  ): Promise<ModeSettings> {
    const sinceMs = this.#clock.nowMs();
    const pause: Pause = {
      by: "owner",
      namespace,
      ...(action === undefined ? {} : { action }),
      sinceMs,
      ...(forMs === undefined ? {} : { untilMs: sinceMs + forMs }),
      ...(reason === undefined ? {} : { reason }),
    };
    return this.#change((settings) => withPause(settings, pause));
  }

  /** Ends the owner's own pause over exactly this; an operator's stays. */
  resume(scope: OwnerScope): Promise<ModeSettings> {
    return this.#change((settings) => withoutPause(settings, scope, "owner", this.#clock.nowMs()));
  }

  #change(change: (settings: ModeSettings) => ModeSettings): Promise<ModeSettings> {
    const changed = this.#last.then(async () => {
      const after = change(await this.#allocations.modes());
      await this.#allocations.setModes(after);
      return after;
    });
    this.#last = changed.catch(() => undefined); // told to whoever asked for it
    return changed;
  }
}
