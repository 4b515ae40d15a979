/** POST /namespaces/{ns}/actions/{name}: invoke (Actions.scala 244-330). */
import type { FastifyReply, FastifyRequest } from "fastify";
import { forbidden } from "../auth.js";
import { isObject } from "../controller/json.js";
import { overridesFinal } from "../controller/parameters.js";
import { MAX_BLOCKING_WAIT_MS, waitAtMost } from "../controller/wait.js";
import { pathAndNameOf } from "../entities.js";
import { type EntityName, resolveName } from "../entity-name.js";
import type { ActivationRecord, Identity } from "../messages.js";
import type { AcceptedActivation } from "../storage/activation-store.js";
import type { StoredAction } from "../storage/entity-store.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { invalidTimeout, malformedQuery, TEXTS } from "../whisk-texts.js";
import { actionNameOf, existingAction } from "./actions.js";
import { callerOf, type RestContext } from "./context.js";
import { queryFlag, queryText } from "./query.js";
import { activationView } from "./render.js";

/** By the activation's status code: success, application error, developer error, whisk error. */
const HTTP_STATUS = [200, 502, 502, 500] as const;

export async function invokeAction(context: RestContext, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const createdAtMs = context.clock.nowMs();
  const beganMs = context.clock.monotonicMs();
  const { user } = callerOf(request);
  const name = actionNameOf(request);
  const blocking = queryFlag(request, "blocking", false);
  const resultOnly = queryFlag(request, "result", false);
  const waitMs = queryTimeout(request);
  const payload = request.body === undefined ? {} : request.body; // null is a body, and no object
  if (!isObject(payload)) throw malformed("Object expected");
  const action = existingAction(context, request, name);
  checkComponentsEntitled(context, user, action);
  if (overridesFinal(action, payload)) throw new WhiskRejection(400, TEXTS.parametersNotAllowed);

  const invocation = await context.controller.invoke({ user, action, payload, transactionId: request.id, createdAtMs, blocking });
  reply.header("x-openwhisk-activation-id", invocation.activationId);
  const waited = blocking
    ? await waitAtMost(context.clock, invocation.record, Math.max(0, waitMs - (context.clock.monotonicMs() - beganMs)))
    : ({ done: false } as const);
  if (!waited.done) {
    await context.activations.accept(acceptedActivation(user, action, invocation.activationId, createdAtMs));
    return reply.code(202).send({ activationId: invocation.activationId });
  }
  await context.activations.written(user.namespace);
  return reply.code(HTTP_STATUS[waited.value.response.statusCode]).send(answerOf(waited.value, resultOnly));
}

/** The note that there is an activation of which a client knows the id. */
export function acceptedActivation(user: Identity, action: StoredAction, activationId: string, start: number): AcceptedActivation {
  const { namespace, subject } = user;
  const { name, version } = action;
  const annotations = [
    { key: "path", value: `${action.namespace}/${name}` },
    { key: "kind", value: action.exec.kind },
  ];
  return { namespace, name: pathAndNameOf(action).name, version, subject, activationId, start, annotations };
}

/**
 * Logs of an action are collected after its answer, so a blocking answer has none; arrays are returned bare in both
 * forms.
 */
function answerOf(record: ActivationRecord, resultOnly: boolean): unknown {
  const result = record.response.result ?? {};
  if (resultOnly || Array.isArray(result)) return result;
  const isEnclosing = record.annotations.some((a) => a.key === "topmost");
  return activationView(isEnclosing ? record : { ...record, logs: [] });
}

function queryTimeout(request: FastifyRequest): number {
  const text = queryText(request, "timeout");
  if (text === undefined) return MAX_BLOCKING_WAIT_MS;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (ms <= 0 || ms > MAX_BLOCKING_WAIT_MS) throw new WhiskRejection(400, malformedQuery("timeout", invalidTimeout(MAX_BLOCKING_WAIT_MS)));
  return ms;
}

/** A sequence may only be invoked by a caller that may invoke all of its components. */
export function checkComponentsEntitled({ controller }: RestContext, user: Identity, { exec, namespace }: StoredAction): void {
  if (!("components" in exec)) return;
  const names = exec.components.map((c) => resolveName(c, namespace)).filter((n): n is EntityName => n !== undefined);
  for (const name of names) if (!controller.mayUse(user, name)) throw forbidden(name);
}
