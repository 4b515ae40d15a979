/**
 * The conductor protocol (openwhisk-protocol, 3.2; PrimitiveActions.scala 329-512). A composition run is a session:
 *
 *   conductor -> component -> conductor -> ... -> conductor
 *
 * Each conductor run answers `{action, params, state}` to go on, or anything else to end. The comments and the
 * tests cite its rules by their numbers there.
 *
 * One step is ours: the join of a parallel stage (core, join.ts). It holds no container and no permit, and is no
 * component.
 */
import { JOIN_ACTION, messageOf, readJoinRequest } from "@openwhisk-harvest/core";
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
import type { Branch } from "./callers.js";
import { boxed, isObject, type JsonObject } from "./json.js";
import { isConductor } from "./parameters.js";
import type { CompositionAccounting, ControllerParts, Invocation, Shared, StepRequest } from "./parts.js";
import { type ActivationResponse, applicationError, completeRun, countStep, newTally, type Tally, whiskError } from "./records.js";
import { Stages } from "./stages.js";
import { waitForStep } from "./wait.js";

/**
 * How often a composition may join, for each component that it may have: a join costs little, but a loop of them has to
 * end.
 */
const JOINS_PER_COMPONENT = 20;

interface Session {
  readonly parts: ControllerParts;
  readonly request: StepRequest;
  readonly activationId: string;
  readonly accounting: CompositionAccounting;
  readonly tally: Tally;
  readonly stages: Stages;
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

/** Starts a composition, or a branch of one. It goes on whether its record is waited for or not. */
export function startComposition(parts: ControllerParts, request: StepRequest, { composition, branch }: Shared): Invocation {
  const activationId = parts.newActivationId();
  const tally = newTally(request.action.limits.memory);
  const accounting = composition ?? { components: 0, conductors: 0, joins: 0 };
  const session: Session = { parts, request, activationId, accounting, tally, stages: new Stages(), state: undefined };
  const startMs = parts.clock.nowMs();
  const record = runToItsEnd(session, branch).then((response) =>
    completeRun(parts, { activationId, startMs, request, tally, conductor: true }, response),
  );
  return { activationId, record };
}

/** Its own branches, and the stage that it is a branch of, hear of its end at once, whatever its end. */
async function runToItsEnd(session: Session, branch: Branch | undefined): Promise<ActivationResponse> {
  const { stages, request, activationId } = session;
  const { signal } = request.within;
  const close = () => stages.close();
  signal?.addEventListener("abort", close, { once: true });
  let response = whiskError(TEXTS.compositionActivationFailure);
  try {
    response = await runSession(session);
    return response;
  } catch (error) {
    response = whiskError(messageOf(error));
    throw error;
  } finally {
    signal?.removeEventListener("abort", close);
    close();
    branch?.end?.(response, activationId);
  }
}

async function runSession(session: Session): Promise<ActivationResponse> {
  const { accounting, parts } = session;
  let next: NextPayload = { payload: session.request.payload };
  for (;;) {
    if (next.joined) accounting.joins++;
    else if (accounting.conductors++ > 2 * parts.config.sequenceMaxLength) return applicationError(TEXTS.compositionIsTooLong); // (openwhisk-protocol, 3.2.1)
    const conductor = await runConductor(session, next.payload);
    if ("failure" in conductor) return conductor.failure;
    const answer = readAnswer(session, conductor.record);
    if (!("action" in answer)) return answer.end; // (openwhisk-protocol, 3.2.4)
    const outcome = await runNext(session, answer);
    if ("failure" in outcome) return outcome.failure;
    next = outcome;
  }
}

async function runConductor(session: Session, payload: unknown): Promise<StepOutcome> {
  const { parts, request, stages, state } = session;
  const input = state ? { ...(isObject(payload) ? payload : {}), ...state } : payload; // (openwhisk-protocol, 3.2.2)
  const step = { ...stepRequest(session, request.action, input), stages };
  return runStep(session, () => parts.invokePrimitive(step));
}

/** An array can name no next action, so it ends the composition (openwhisk-protocol, 3.2.3 and 3.2.4). */
function readAnswer(session: Session, { response }: ActivationRecord): ConductorAnswer {
  const result = isObject(response.result) ? response.result : {};
  session.state = result["state"] === undefined ? undefined : boxed(result["state"], "state");
  const params = result["params"] === undefined ? undefined : boxed(result["params"], "value");
  const end = { statusCode: response.statusCode, result: params ?? response.result ?? {} };
  return { params, end, ...(result["action"] !== undefined && { action: result["action"] }) };
}

/** What the conductor is invoked with next; `joined` when a parallel stage comes back to it. */
interface NextPayload {
  readonly payload: unknown;
  readonly joined?: boolean;
}
type NextOutcome = NextPayload | { readonly failure: ActivationResponse };
const reinvokeWithError = (error: string): NextPayload => ({ payload: { error } });

/** Finds the component and runs it, or hands the conductor the reason why not (openwhisk-protocol, 3.2.5 and 3.2.6). */
async function runNext(session: Session, { action, params }: ConductorAnswer): Promise<NextOutcome> {
  const { user } = session.request;
  const { accounting, parts } = session;
  if (action === JOIN_ACTION) return joinStage(session, params);
  const name = resolveName(action, user.namespace);
  if (!name) return reinvokeWithError(compositionComponentInvalid(action));
  if (accounting.components >= parts.config.sequenceMaxLength) return reinvokeWithError(TEXTS.compositionIsTooLong);
  if (!parts.mayUse(user, name)) return reinvokeWithError(compositionComponentNotAccessible(formatEntityName(name)));
  const component = parts.findAction(name);
  if (!component) return reinvokeWithError(compositionComponentNotFound(formatEntityName(name)));
  return runComponent(session, name, component, params);
}

async function joinStage({ accounting, parts, stages }: Session, params: JsonObject | undefined): Promise<NextPayload> {
  const request = readJoinRequest(params);
  if (!request) return reinvokeWithError(compositionComponentInvalid(JOIN_ACTION));
  if (accounting.joins >= JOINS_PER_COMPONENT * parts.config.sequenceMaxLength) return reinvokeWithError(TEXTS.compositionIsTooLong);
  return { payload: await stages.join(request, parts.clock), joined: true };
}

/** Whatever the component's result is, also an error, the conductor gets it (openwhisk-protocol, 3.2.7). */
async function runComponent(
  session: Session,
  name: EntityName,
  component: StoredAction,
  params: JsonObject | undefined,
): Promise<NextOutcome> {
  const { accounting, parts } = session;
  const nested = component.exec.kind !== "sequence" && isConductor(component);
  if (!nested) accounting.components++; // a nested composition counts through its own steps (openwhisk-protocol, 3.2.1)
  const step = stepRequest(session, component, params);
  const outcome = await runStep(session, () => parts.invoke(step, { composition: accounting }));
  if ("failure" in outcome) return outcome;
  const result = outcome.record.response.result ?? {};
  // A conductor's input is an object; OpenWhisk's catch-all reports a component that returned an array as not resolved.
  return isObject(result) ? { payload: result } : reinvokeWithError(compositionComponentNotFound(formatEntityName(name)));
}

function stepRequest({ parts, request, activationId }: Session, action: StoredAction, payload: unknown): StepRequest {
  const { user, within } = request;
  const transactionId = parts.newTransactionId();
  return { user, action, payload, transactionId, createdAtMs: parts.clock.nowMs(), cause: activationId, within };
}

/**
 * Waits for a step and counts it; one that is late or cannot be run at all ends the composition (openwhisk-protocol,
 * 3.2.8).
 */
async function runStep({ parts, tally, request }: Session, invoke: () => Promise<Invocation>): Promise<StepOutcome> {
  const { signal } = request.within;
  if (signal?.aborted) return { failure: applicationError(TEXTS.stageHasEnded) };
  try {
    const invocation = await invoke();
    const waited = await waitForStep(parts.clock, invocation);
    if (!waited.done) {
      tally.logs.push(invocation.activationId);
      return { failure: whiskError(compositionActivationTimeout(invocation.activationId)) };
    }
    countStep(tally, waited.value);
    return { record: waited.value };
  } catch (error) {
    if (signal?.aborted) return { failure: applicationError(TEXTS.stageHasEnded) };
    parts.onStepFailed(error);
    return { failure: whiskError(TEXTS.compositionActivationFailure) };
  }
}
