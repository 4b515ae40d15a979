/** How documents look over REST (WhiskAction.scala, WhiskActivation.scala, WhiskPackage.scala; openwhisk-protocol, 8). */
import type { ActionSummary, EntityDocument, StoredAction } from "../entities.js";
import { pathAndNameOf } from "../entities.js";
import { type ActivationRecord, STATUS_CODES } from "../messages.js";

/** OpenWhisk has the package in the namespace: `namespace/package` and `name`. */
function withPathAndName<D extends { readonly namespace: string; readonly name: string }>(document: D): D {
  const { path, name } = pathAndNameOf(document);
  return { ...document, namespace: path, name };
}

/** The action without what only the store and the invokers need; `code: false` leaves the code out, and says through which binding it was found. */
export function actionView({ rev: _, binding, ...stored }: StoredAction, withCode: boolean): object {
  const action = withPathAndName(stored);
  if (withCode && !("code" in action.exec && action.exec.code === "")) return action; // an image without code
  const bound = binding !== undefined && { binding: bindingView(binding) };
  if (!("code" in action.exec)) return { ...action, ...bound };
  const { code: __, ...exec } = action.exec;
  return { ...action, exec, ...bound };
}

function bindingView(binding: string): object {
  const [namespace, name] = binding.split("/");
  return { namespace, name };
}

export function actionSummaryView(summary: ActionSummary): object {
  return withPathAndName(summary);
}

/** `actions` and `feeds` of a package; a feed is an action with an annotation of that name. */
export function packageActionViews(summaries: readonly Pick<EntityDocument, "namespace" | "name" | "version" | "annotations">[]): {
  readonly actions: object[];
  readonly feeds: object[];
} {
  const isFeed = (summary: (typeof summaries)[number]) => summary.annotations.some((a) => a.key === "feed");
  const view = (summary: (typeof summaries)[number]) => {
    const { name, version, annotations } = withPathAndName(summary);
    return { name, version, annotations };
  };
  return { actions: summaries.filter((s) => !isFeed(s)).map(view), feeds: summaries.filter(isFeed).map(view) };
}

/** The answer of GET /activations/{id}/result, and the field `response` of the full form. */
export function responseView({ response }: Pick<ActivationRecord, "response">): object {
  const { statusCode, result, size } = response;
  return {
    ...(result !== undefined && { result }),
    ...(size !== undefined && { size }),
    status: STATUS_CODES[statusCode],
    success: statusCode === 0,
  };
}

/** The full form, but for long logs: no numeric status code, but its words; a trigger's activation has neither end nor duration. */
export function activationView({ longLogs: _, ...record }: ActivationRecord): object {
  const view = { ...record, response: responseView(record) };
  if (record.end !== 0) return view;
  const { end: __, duration: ___, ...endless } = view;
  return endless;
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
    ...(end !== 0 && { end, duration }),
    ...(cause !== undefined && { cause }),
    ...(end !== 0 && { statusCode: response.statusCode }),
  };
}
