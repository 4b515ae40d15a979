/** Starts whatever an action is (PrimitiveActions.scala, invokeSingleAction; SequenceActions.scala, invokeSequence). */
import type { ExecutableAction } from "../messages.js";
import { startComposition } from "./compose.js";
import { Forks } from "./forks.js";
import type { InFlight } from "./in-flight.js";
import { isConductor, mergeParameters } from "./parameters.js";
import type { ControllerParts, Invocation, InvokeAction, InvokeRequest, SubmitActivation } from "./parts.js";
import { startSequence } from "./sequence.js";
import { STEP_WAIT_ADDON_MS } from "./wait.js";

/** The controller: its parts, and the two ways to start an action that need all of them. */
export function createController(
  base: Omit<ControllerParts, "invoke" | "invokePrimitive" | "track" | "forks">,
  submit: SubmitActivation,
  inFlight: InFlight,
): ControllerParts {
  const forks = new Forks();
  const controller: ControllerParts = {
    ...base,
    forks,
    track: (run) => inFlight.track(run),
    invokePrimitive: async (request) => submitPrimitive(base, submit, request),
    async invoke(request, shared = {}) {
      const invocation = await start(request, shared);
      if (request.cause === undefined) inFlight.track(invocation.record);
      return invocation;
    },
  };
  const start: InvokeAction = async (request, shared = {}) => {
    if (request.action.exec.kind === "sequence") return startSequence(controller, request, shared.sequence);
    if (isConductor(request.action)) return startComposition(controller, request, shared.composition, branchOf(request));
    return controller.invokePrimitive(request);
  };
  const branchOf = (request: InvokeRequest) => (request.cause === undefined ? forks.branchOf(request) : undefined);
  return controller;
}

type Ids = Pick<ControllerParts, "newActivationId">;

async function submitPrimitive(ids: Ids, submit: SubmitActivation, request: InvokeRequest): Promise<Invocation> {
  const { user, action, payload, transactionId, createdAtMs, cause, blocking, within } = request;
  const message = {
    activationId: ids.newActivationId(),
    action: action as ExecutableAction,
    user,
    content: mergeParameters(action, payload),
    transactionId,
    createdAtMs,
    ...(cause !== undefined && { cause }),
    ...(blocking !== undefined && { blocking }),
  };
  const accepted = await submit(message, within);
  return { ...accepted, waitMs: action.limits.timeout + STEP_WAIT_ADDON_MS };
}
