/** Starts whatever an action is (PrimitiveActions.scala, invokeSingleAction; SequenceActions.scala, invokeSequence). */
import type { ExecutableAction } from "../messages.js";
import { type Branch, Callers } from "./callers.js";
import { startComposition } from "./compose.js";
import type { InFlight } from "./in-flight.js";
import { isConductor, mergeParameters } from "./parameters.js";
import type { ControllerParts, Invocation, InvokeRequest, Membership, Shared, StepRequest, SubmitActivation } from "./parts.js";
import { startSequence } from "./sequence.js";
import { STEP_WAIT_ADDON_MS } from "./wait.js";

/** The controller: its parts, and the two ways to start an action that need all of them. */
export function createController(
  base: Omit<ControllerParts, "invoke" | "invokePrimitive" | "track" | "callers">,
  submit: SubmitActivation,
  inFlight: InFlight,
): ControllerParts {
  const callers = new Callers();
  const controller: ControllerParts = {
    ...base,
    callers,
    track: (run) => inFlight.track(run),
    invokePrimitive: async (request) => submitPrimitive({ ...base, callers }, submit, request),
    async invoke(request, shared = {}) {
      if (request.within) return start({ ...request, within: request.within }, shared);
      const { within, branch, leave } = enter(request, { ...base, callers });
      try {
        const invocation = await start({ ...request, within }, { ...shared, ...(branch && { branch }) });
        invocation.record.then(leave, leave);
        inFlight.track(invocation.record);
        return invocation;
      } catch (error) {
        leave();
        throw error;
      }
    },
  };
  const start = async (request: StepRequest, shared: Shared): Promise<Invocation> => {
    if (request.action.exec.kind === "sequence") return startSequence(controller, request, shared.sequence);
    if (isConductor(request.action)) return startComposition(controller, request, shared);
    return controller.invokePrimitive(request);
  };
  return controller;
}

interface Entered {
  readonly within: Membership;
  readonly branch?: Branch;
  /** When it has ended. */
  readonly leave: () => void;
}

/** Finds out what an invocation over the API belongs to, and lets it in. Throws 429, and 400 for a branch too many. */
function enter(request: InvokeRequest, { admission, callers }: Pick<ControllerParts, "admission" | "callers">): Entered {
  const { namespace } = request.user;
  const branch = callers.branchOf(request);
  if (branch?.end) return { within: branch.within, branch, leave: () => undefined };
  const call = branch ? undefined : callers.callOf(request);
  const from = branch?.within ?? call;
  const run = from ? admission.follow(namespace, from.run, call !== undefined) : admission.letIn(namespace);
  return { within: { run, level: from?.level ?? 0 }, ...(branch && { branch }), leave: () => run.end() };
}

/** What it invokes while it runs may follow from it, so it is known as a caller from before it can run. */
async function submitPrimitive(
  { newActivationId, callers }: Pick<ControllerParts, "newActivationId" | "callers">,
  submit: SubmitActivation,
  request: StepRequest,
): Promise<Invocation> {
  const { user, action, payload, transactionId, createdAtMs, cause, blocking, within } = request;
  const message = {
    activationId: newActivationId(),
    action: action as ExecutableAction,
    user,
    content: mergeParameters(action, payload),
    transactionId,
    createdAtMs,
    ...(cause !== undefined && { cause }),
    ...(blocking !== undefined && { blocking }),
  };
  const leave = callers.enter(request, within);
  try {
    const accepted = await submit(message, within);
    accepted.record.then(leave, leave);
    return { ...accepted, waitMs: action.limits.timeout + STEP_WAIT_ADDON_MS };
  } catch (error) {
    leave();
    throw error;
  }
}
