/** What an activation asks the placer for. */
import type { InvokerView, PlacementRequest, RunPlace } from "@openwhisk-harvest/placement";
import type { ActivationHead } from "./activation-message.js";
import type { ActionFacts } from "./events.js";
import type { RunOfActivation } from "./lineage.js";

/**
 * No activation is refused for its size: what is larger than every invoker takes a whole one, and the invoker decides,
 * as in OpenWhisk.
 */
export function requestFor(
  head: ActivationHead,
  facts: ActionFacts,
  run: RunOfActivation,
  invokers: readonly InvokerView[],
): PlacementRequest {
  const { activationId, cause, namespace, action } = head;
  const cpuCores = facts.conductor ? 0 : (facts.cpuCores ?? 0);
  const memoryMb = facts.memoryMb / facts.concurrency;
  const most = invokers.filter(({ healthy }) => healthy).map((i) => (facts.conductor ? i.forConductors.capacity : i.capacity));
  const atMost = (amount: number, of: "cpuCores" | "memoryMb") =>
    most.length === 0 ? amount : Math.min(amount, Math.max(...most.map((each) => each[of])));
  const want = { cpuCores: atMost(cpuCores, "cpuCores"), memoryMb: atMost(memoryMb, "memoryMb") };
  const ids = { activationId, namespace, action, ...(cause !== undefined && { cause }) };
  return { ...ids, run: placeOf(run, facts), want, atLeast: want, conductor: facts.conductor };
}

/** What has begun goes on, however deep it is nested. */
function placeOf(run: RunOfActivation, { conductor, waitingDepth }: ActionFacts): RunPlace {
  return { ...run, ...(run.isNew && conductor && waitingDepth > 0 && { depth: waitingDepth }) };
}

/**
 * Invokers use a container again for the same namespace and the same revision of the action (openwhisk-protocol,
 * 2.8.21).
 */
export function warmKeyOf({ namespace, action, revision }: ActivationHead): string {
  return `${namespace} ${action} ${revision}`;
}
