import { CALLED_OFF, type Clock, HarvestError } from "@openwhisk-harvest/core";

/** The answer, or OWH_DEADLINE when it takes longer than `ms`. The work itself is not stopped; its late answer is dropped. */
export async function withinDeadline<T>(clock: Clock, ms: number, what: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = clock.sleep(ms, timer.signal).then(() => {
    throw new HarvestError("OWH_DEADLINE", `${what} took longer than ${ms} ms.`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort(CALLED_OFF);
    late.catch(() => undefined); // the abort itself
  }
}
