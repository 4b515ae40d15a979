/** How documents look over REST (WhiskAction.scala, WhiskActivation.scala; openwhisk-protocol, section 8). */
import type { StoredAction } from "../entity-store.js";
import { type ActivationRecord, STATUS_CODES } from "../messages.js";

/** The action without what only the store and the invokers need; `code: false` leaves the code out. */
export function actionView({ rev: _, ...action }: StoredAction, withCode: boolean): object {
  if (withCode || action.exec.kind === "sequence" || !("code" in action.exec)) return action;
  const { code: __, ...exec } = action.exec;
  return { ...action, exec };
}

/** The answer of GET /activations/{id}/result, and the field `response` of the full form. */
export function responseView({ response }: ActivationRecord): object {
  const { statusCode, result, size } = response;
  return {
    ...(result !== undefined && { result }),
    ...(size !== undefined && { size }),
    status: STATUS_CODES[statusCode],
    success: statusCode === 0,
  };
}

/** The full form: no numeric status code, but its words. */
export function activationView(record: ActivationRecord): object {
  return { ...record, response: responseView(record) };
}

/** A row of a list. */
export function activationSummary(record: ActivationRecord): object {
  const { namespace, name, version, publish, annotations, activationId, start, end, duration, cause, response } = record;
  return {
    namespace,
    name,
    version,
    publish,
    annotations,
    activationId,
    start,
    end,
    duration,
    ...(cause !== undefined && { cause }),
    statusCode: response.statusCode,
  };
}
