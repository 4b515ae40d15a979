/**
 * The conductor protocol (openwhisk-protocol, 3.2; PrimitiveActions.scala 329-512). A composition run is a session:
 *
 *   conductor -> component -> conductor -> ... -> conductor
 *
 * Each conductor run answers `{action, params, state}` to go on, or anything else to end. The numbers in the comments are the
 * numbers of its rules there, and the tests cite them, too.
 */

import { type EntityName, formatEntityName, resolveName } from "../entity-name.js";
import type { ActivationRecord } from "../messages.js";
import type { StoredAction } from "../storage/entity-store.js";
import {
  compositionActivationTimeout,
  compositionComponentInvalid,
  compositionComponentNotAccessible,
  compositionComponentNotFound,
  TEXTS,
} from "../whisk-texts.js";
import { boxed, isObject, type JsonObject } from "./json.js";
import { isConductor } from "./parameters.js";
import type { CompositionAccounting, ControllerParts, Invocation, InvokeRequest } from "./parts.js";
import { type ActivationResponse, applicationError, completeRun, countStep, newTally, type Tally, whiskError } from "./records.js";
import { waitForStep } from "./wait.js";

interface Session {
  readonly parts: ControllerParts;
  readonly request: InvokeRequest;
  readonly activationId: string;
  readonly accounting: CompositionAccounting;
  readonly tally: Tally;
  /** What the last conductor run wants to find again in its next input. */
  state: JsonObject | undefined;
}

/** How a step ended: with a record, or with the response that ends the whole composition. */
type StepOutcome = { readonly record: ActivationRecord } | { readonly failure: ActivationResponse };

/** What a conductor run asks for. */
interface ConductorAnswer {
  readonly params: JsonObject | undefined;
  /** The value of the field `action`, whatever it is; absent when the composition is to end. */
  readonly action?: unknown;
  readonly end: ActivationResponse;
}

/** Starts a composition. It goes on whether anybody waits for its record or not. */
export function startComposition(parts: ControllerParts, request: InvokeRequest, accounting?: CompositionAccounting): Invocation {
  const session: Session = {
    parts,
    request,
    activationId: parts.newActivationId(),
    accounting: accounting ?? { components: 0, conductors: 0 },
    tally: newTally(request.action.limits.memory),
    state: undefined,
  };
  const startMs = parts.clock.nowMs();
  const record = runSession(session).then((response) =>
    completeRun(parts, { activationId: session.activationId, startMs, request, tally: session.tally, conductor: true }, response),
  );
  return { activationId: session.activationId, record };
}

async function runSession(session: Session): Promise<ActivationResponse> {
  let payload: unknown = session.request.payload;
  for (;;) {
    if (session.accounting.conductors > 2 * session.parts.config.sequenceMaxLength) return applicationError(TEXTS.compositionIsTooLong); // 1
    const conductor = await runConductor(session, payload);
    if ("failure" in conductor) return conductor.failure;
    const answer = readAnswer(session, conductor.record);
    if (!("action" in answer)) return answer.end; // 4
    const next = await runNext(session, answer);
    if ("failure" in next) return next.failure;
    payload = next.payload;
  }
}

async function runConductor(session: Session, payload: unknown): Promise<StepOutcome> {
  session.accounting.conductors++;
  const input = session.state ? { ...(isObject(payload) ? payload : {}), ...session.state } : payload; // 2
  return runStep(session, session.request.action, input, "conductor");
}

/** 3 and 4. An array can name no next action, so it ends the composition. */
function readAnswer(session: Session, { response }: ActivationRecord): ConductorAnswer {
  const result = isObject(response.result) ? response.result : {};
  session.state = result["state"] === undefined ? undefined : boxed(result["state"], "state");
  const params = result["params"] === undefined ? undefined : boxed(result["params"], "value");
  const end = { statusCode: response.statusCode, result: params ?? response.result ?? {} };
  return { params, end, ...(result["action"] !== undefined && { action: result["action"] }) };
}

type NextPayload = { readonly payload: unknown } | { readonly failure: ActivationResponse };
const reinvokeWithError = (error: string): NextPayload => ({ payload: { error } });

/** 5 and 6: finds the component and runs it, or hands the conductor the reason why not. */
async function runNext(session: Session, { action, params }: ConductorAnswer): Promise<NextPayload> {
  const { user } = session.request;
  const name = resolveName(action, user.namespace);
  if (!name) return reinvokeWithError(compositionComponentInvalid(action));
  if (session.accounting.components >= session.parts.config.sequenceMaxLength) return reinvokeWithError(TEXTS.compositionIsTooLong);
  if (!session.parts.mayUse(user, name)) return reinvokeWithError(compositionComponentNotAccessible(formatEntityName(name)));
  const component = session.parts.findAction(name);
  if (!component) return reinvokeWithError(compositionComponentNotFound(formatEntityName(name)));
  return runComponent(session, name, component, params);
}

/** 7: whatever the component's result is, also an error, the conductor gets it. */
async function runComponent(
  session: Session,
  name: EntityName,
  component: StoredAction,
  params: JsonObject | undefined,
): Promise<NextPayload> {
  const nested = component.exec.kind !== "sequence" && isConductor(component);
  if (!nested) session.accounting.components++; // 1: a nested composition counts through its own steps
  const outcome = await runStep(session, component, params, "component");
  if ("failure" in outcome) return outcome;
  const result = outcome.record.response.result ?? {};
  // A conductor's input is an object; OpenWhisk's catch-all reports a component that returned an array as not resolved.
  return isObject(result) ? { payload: result } : reinvokeWithError(compositionComponentNotFound(formatEntityName(name)));
}

/** 8: waits for a step and counts it; a step that is late or cannot be run at all ends the composition. */
async function runStep(session: Session, action: StoredAction, payload: unknown, step: "conductor" | "component"): Promise<StepOutcome> {
  const { parts, tally } = session;
  const request: InvokeRequest = {
    user: session.request.user,
    action,
    payload,
    transactionId: parts.newTransactionId(),
    createdAtMs: parts.clock.nowMs(),
    cause: session.activationId,
  };
  try {
    const invocation = await (step === "conductor"
      ? parts.invokePrimitive(request)
      : parts.invoke(request, { composition: session.accounting }));
    const waited = await waitForStep(parts.clock, invocation);
    if (!waited.done) {
      tally.logs.push(invocation.activationId);
      return { failure: whiskError(compositionActivationTimeout(invocation.activationId)) };
    }
    countStep(tally, waited.value);
    return { record: waited.value };
  } catch (error) {
    parts.onStepFailed(error);
    return { failure: whiskError(TEXTS.compositionActivationFailure) };
  }
}
