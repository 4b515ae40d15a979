/**
 * Pauses that a namespace's owner makes and ends (core, mode.ts). Redis holds all modes as one value, and the store changes it for one
 * after another, operators and profilers included; every answer says what is in force then.
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

export class OwnerPauses {
  readonly #allocations: Pick<AllocationStore, "modes" | "changeModes">;
  readonly #clock: Clock;

  constructor(allocations: Pick<AllocationStore, "modes" | "changeModes">, clock: Clock) {
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
    return this.#allocations.changeModes(change);
  }
}
