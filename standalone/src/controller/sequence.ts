/**
 * Sequences (openwhisk-protocol, 3.3; SequenceActions.scala): the result of each component is the input of the next.
 * The first result with a field `error` ends the sequence with that component's response.
 */
import { resolveName } from "../entity-name.js";
import type { ActivationRecord, SequenceExec } from "../messages.js";
import type { StoredAction } from "../storage/entity-store.js";
import { sequenceRetrieveActivationTimeout, TEXTS } from "../whisk-texts.js";
import { isObject } from "./json.js";
import type { AtomicActionCount, ControllerParts, Invocation, StepRequest } from "./parts.js";
import { type ActivationResponse, applicationError, completeRun, countStep, newTally, type Tally, whiskError } from "./records.js";
import { waitForStep } from "./wait.js";

interface SequenceRun {
  readonly parts: ControllerParts;
  readonly request: StepRequest;
  readonly activationId: string;
  readonly tally: Tally;
  readonly atomicActions: AtomicActionCount;
}

/** Starts a sequence. It goes on whether a client waits for its record or not. */
export function startSequence(parts: ControllerParts, request: StepRequest, atomicActions: AtomicActionCount = { value: 0 }): Invocation {
  const run: SequenceRun = { parts, request, activationId: parts.newActivationId(), tally: newTally(), atomicActions };
  const startMs = parts.clock.nowMs();
  const record = runComponents(run).then((response) =>
    completeRun(parts, { activationId: run.activationId, startMs, request, tally: run.tally, conductor: false }, response),
  );
  return { activationId: run.activationId, record };
}

async function runComponents(run: SequenceRun): Promise<ActivationResponse> {
  const { components } = run.request.action.exec as SequenceExec;
  let response: ActivationResponse = { statusCode: 0, result: run.request.payload ?? {} };
  for (const name of components) {
    if (run.atomicActions.value >= run.parts.config.sequenceMaxLength) return applicationError(TEXTS.sequenceIsTooLong);
    const resolved = resolveName(name, run.request.user.namespace);
    const action = resolved && run.parts.findAction(resolved);
    if (!action) return applicationError(TEXTS.sequenceComponentNotFound);
    const outcome = await runComponent(run, action, response.result);
    if ("failure" in outcome) return outcome.failure;
    response = outcome.record.response;
    if (isObject(response.result) && Object.hasOwn(response.result, "error")) return response;
  }
  return response;
}

type ComponentOutcome = { readonly record: ActivationRecord } | { readonly failure: ActivationResponse };

async function runComponent(run: SequenceRun, action: StoredAction, payload: unknown): Promise<ComponentOutcome> {
  const { parts, request, tally } = run;
  if (action.exec.kind !== "sequence") run.atomicActions.value++;
  try {
    const component: StepRequest = {
      user: request.user,
      action,
      payload,
      transactionId: parts.newTransactionId(),
      createdAtMs: parts.clock.nowMs(),
      cause: run.activationId,
      within: request.within,
    };
    const invocation = await parts.invoke(component, { sequence: run.atomicActions });
    const waited = await waitForStep(parts.clock, invocation);
    if (!waited.done) {
      tally.logs.push(invocation.activationId);
      return { failure: whiskError(sequenceRetrieveActivationTimeout(invocation.activationId)) };
    }
    countStep(tally, waited.value);
    return { record: waited.value };
  } catch (error) {
    parts.onStepFailed(error);
    return { failure: whiskError(TEXTS.sequenceActivationFailure) };
  }
}
