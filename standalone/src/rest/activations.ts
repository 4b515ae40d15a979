/** /namespaces/{ns}/activations: list, get, result, logs (Activations.scala). */
import type { FastifyReply, FastifyRequest } from "fastify";
import { isName } from "../entity-name.js";
import type { ActivationRecord } from "../messages.js";
import type { ActivationQuery } from "../storage/activation-store.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { activationIdLength, badNameFilter, malformedQuery, TEXTS } from "../whisk-texts.js";
import { callerOf, type RestContext } from "./context.js";
import { queryEpoch, queryFlag, queryPage, queryText } from "./query.js";
import { recordsText, recordText, streamOf } from "./record-text.js";
import { activationSummary, activationView, responseView } from "./render.js";

export async function listActivations(context: RestContext, request: FastifyRequest, reply: FastifyReply): Promise<object> {
  const { namespace } = callerOf(request);
  const page = queryPage(request, "activations");
  const count = queryFlag(request, "count", false);
  const docs = queryFlag(request, "docs", false);
  const path = nameFilter(request);
  const since = queryEpoch(request, "since");
  const upto = queryEpoch(request, "upto");
  if (count && docs) throw new WhiskRejection(400, TEXTS.docsWithCount);
  const query: ActivationQuery = {
    namespace,
    ...(path !== undefined && { path }),
    ...(since !== undefined && { since }),
    ...(upto !== undefined && { upto }),
  };
  if (count) return { activations: Math.max(0, (await context.activations.count(query)) - page.skip) };
  const records = context.activations.list(query, page);
  if (docs) return sendText(reply, recordsText(records, activationView));
  const summaries: object[] = [];
  for await (const record of records) summaries.push(activationSummary(record));
  return summaries;
}

/** `name` or `package/name`. */
function nameFilter(request: FastifyRequest): string | undefined {
  const text = queryText(request, "name");
  if (text === undefined || text === "") return undefined;
  const segments = text.split("/");
  if (segments.length > 2 || !segments.every(isName)) throw new WhiskRejection(400, malformedQuery("name", badNameFilter(text)));
  return text;
}

async function existingActivation(context: RestContext, request: FastifyRequest): Promise<ActivationRecord> {
  const { namespace } = callerOf(request);
  const { id } = request.params as { id: string };
  if (id.length !== 32) throw new WhiskRejection(400, activationIdLength(id.length));
  if (!/^[0-9a-f]{32}$/i.test(id)) throw new WhiskRejection(400, TEXTS.activationIdIllegal);
  const record = await context.activations.get(namespace, id);
  if (!record) throw new WhiskRejection(404, TEXTS.doesNotExist);
  return record;
}

/** Not of OpenWhisk, which keeps its records for ever: those of `upto` (ms since the epoch) and before. */
export async function pruneActivations(context: RestContext, request: FastifyRequest): Promise<object> {
  const upto = queryEpoch(request, "upto");
  if (upto === undefined) throw new WhiskRejection(400, TEXTS.uptoMissing);
  return { activations: await context.activations.prune(callerOf(request).namespace, upto) };
}

type Get = (context: RestContext, request: FastifyRequest, reply: FastifyReply) => Promise<object>;
export const getActivation: Get = async (context, request, reply) => {
  const record = await existingActivation(context, request);
  return record.longLogs ? sendText(reply, recordText(activationView(record), record)) : activationView(record);
};
export const getResult: Get = async (context, request) => responseView(await existingActivation(context, request));
export const getLogs: Get = async (context, request, reply) => {
  const record = await existingActivation(context, request);
  return record.longLogs ? sendText(reply, recordText({}, record)) : { logs: record.logs };
};

function sendText(reply: FastifyReply, text: AsyncGenerator<string>): FastifyReply {
  return reply.type("application/json; charset=utf-8").send(streamOf(text));
}
