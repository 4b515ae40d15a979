/** Looks at production every so often, for as long as the stack is up: profiles accumulate, and /metrics shows how models do. */
import { type Clock, messageOf } from "@openwhisk-harvest/core";
import { type LookedAt, type ProductionWatch, productionErrors } from "@openwhisk-harvest/profiler";
import type { Sidecar } from "@openwhisk-harvest/sidecar";
import type { Logger } from "pino";

export interface ProductionLoop {
  readonly watch: Pick<ProductionWatch, "look">;
  readonly sidecar: Pick<Sidecar, "reportProduction">;
  readonly periodMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Ends when the signal is given, after the look that is under way. A look that fails is logged, and the next one makes up for it. */
export async function watchProduction({ watch, sidecar, periodMs, clock, logger }: ProductionLoop, signal: AbortSignal): Promise<void> {
  while (await slept(clock, periodMs, signal)) {
    try {
      for (const looked of await watch.look()) tell(looked, sidecar, logger);
    } catch (error) {
      logger.warn({ reason: messageOf(error) }, "runs could not be collected; the next look goes back as far");
    }
  }
}

async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return !signal.aborted;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}

function tell({ dag: { namespace, name: dag }, collected, drift }: LookedAt, sidecar: ProductionLoop["sidecar"], logger: Logger): void {
  logger.debug({ namespace, dag, ...collected, drift: drift?.verdict }, "looked at production");
  if (!drift) return;
  const { verdict, deviations, outsideShare } = drift;
  sidecar.reportProduction({ namespace, dag, verdict, deviations, outsideShare, meanAbsoluteErrors: productionErrors(drift) });
}
