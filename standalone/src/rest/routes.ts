/** Which path leads to which handler. A path that exists answers other methods with 405. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import type { EntityLimits } from "../entity-limits.js";
import { WhiskRejection } from "../whisk-rejection.js";
import { methodNotAllowed } from "../whisk-texts.js";
import { ABOUT_API, aboutServer } from "./about.js";
import { deleteAction, getAction, listActions, putAction } from "./actions.js";
import { getActivation, getLogs, getResult, listActivations, pruneActivations } from "./activations.js";
import { callerOf, type RestContext } from "./context.js";
import { metrics, readyz } from "./health.js";
import { invokeAction } from "./invoke.js";
import { deletePackage, getPackage, listPackages, putPackage } from "./packages.js";
import { deleteRule, getRule, listRules, postRule, putRule } from "./rules.js";
import { deleteTrigger, getTrigger, listTriggers, postTrigger, putTrigger } from "./triggers.js";
import { addWebRoutes } from "./web/web-actions.js";

type Handler = (context: RestContext, request: FastifyRequest, reply: FastifyReply) => unknown;
type Routes = Readonly<Record<string, Partial<Record<HTTPMethods, Handler>>>>;

/** Code may grow when it is written as JSON text. */
const JSON_GROWTH = 2;
/** Far above the largest payload: so far a body is read only to be able to say that it is too large. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Fastify answers HEAD wherever it answers GET. */
const METHODS: readonly HTTPMethods[] = ["GET", "PUT", "POST", "DELETE", "PATCH"];

/** Any caller may ask. */
const OPEN: Routes = {
  "/": { GET: ({ config, limits, runtimes }) => aboutServer(config, limits, runtimes) },
  "/ping": { GET: (_context, _request, reply) => reply.type("text/plain; charset=UTF-8").send("pong") },
  "/readyz": { GET: readyz },
  "/metrics": { GET: metrics },
  "/api/v1": { GET: () => ABOUT_API },
  "/invokers": {
    GET: async ({ invokers }) =>
      Object.fromEntries((await invokers()).map((i) => [`invoker${i.id}/${i.id}`, i.healthy ? "up" : "unhealthy"])),
  },
  "/invokers/healthy/count": { GET: async (context) => healthyCount(context) },
  "/invokers/ready": {
    GET: async (context, _request, reply) => {
      const healthy = await healthyCount(context);
      return reply.code(healthy > 0 ? 200 : 500).send({ healthy: `${healthy}/${(await context.invokers()).length}` });
    },
  },
};

async function healthyCount({ invokers }: RestContext): Promise<number> {
  return (await invokers()).filter((i) => i.healthy).length;
}

const NAMESPACE = "/api/v1/namespaces/:namespace";

/** As Limits.scala has them: ms and MB. */
function rangesOfActions({ action }: EntityLimits): object {
  const { timeout, memory, logs, concurrency } = action;
  const ranges = Object.entries({ Timeout: timeout, Memory: memory, Logs: logs, Concurrency: concurrency });
  return Object.fromEntries(
    ranges.flatMap(([name, { min, max }]) => [
      [`maxAction${name}`, max],
      [`minAction${name}`, min],
    ]),
  );
}

/** Only with a key. */
const SECURED: Routes = {
  "/api/v1/namespaces": { GET: (_context, request) => [callerOf(request).user.namespace] },
  [`${NAMESPACE}/limits`]: {
    GET: ({ config, limits }) => ({
      invocationsPerMinute: config.invocationsPerMinute,
      concurrentInvocations: config.concurrentInvocations,
      firesPerMinute: limits.firesPerMinute,
      ...rangesOfActions(limits),
    }),
  },
  [`${NAMESPACE}/actions`]: { GET: listActions },
  [`${NAMESPACE}/actions/*`]: { GET: getAction, PUT: putAction, POST: invokeAction, DELETE: deleteAction },
  [`${NAMESPACE}/activations`]: { GET: listActivations },
  [`${NAMESPACE}/activations/:id`]: { GET: getActivation },
  [`${NAMESPACE}/activations/:id/logs`]: { GET: getLogs },
  [`${NAMESPACE}/activations/:id/result`]: { GET: getResult },
  "/api/v1/harvest/namespaces/:namespace/activations": { DELETE: pruneActivations },
  [`${NAMESPACE}/packages`]: { GET: listPackages },
  [`${NAMESPACE}/packages/*`]: { GET: getPackage, PUT: putPackage, DELETE: deletePackage },
  [`${NAMESPACE}/triggers`]: { GET: listTriggers },
  [`${NAMESPACE}/triggers/*`]: { GET: getTrigger, PUT: putTrigger, POST: postTrigger, DELETE: deleteTrigger },
  [`${NAMESPACE}/rules`]: { GET: listRules },
  [`${NAMESPACE}/rules/*`]: { GET: getRule, PUT: putRule, POST: postRule, DELETE: deleteRule },
};

/** `admit` is called before the body of a secured request is read, and throws when it is not to be answered. */
export function addRoutes(app: FastifyInstance, context: RestContext, admit: (request: FastifyRequest) => void): void {
  app.options("*", (_request, reply) => reply.send());
  addWebRoutes(app, context);
  for (const [url, handlers] of Object.entries(OPEN)) addPath(app, context, url, handlers);
  for (const [url, handlers] of Object.entries(SECURED)) addPath(app, context, url, handlers, admit);
}

function addPath(
  app: FastifyInstance,
  context: RestContext,
  url: string,
  handlers: Routes[string],
  admit?: (request: FastifyRequest) => void,
): void {
  const supported = Object.keys(handlers).join(", ");
  const onRequest = async (request: FastifyRequest) => admit?.(request);
  for (const method of METHODS) {
    const handler = handlers[method];
    app.route({
      method,
      url,
      bodyLimit: Math.max(MAX_BODY_BYTES, method === "POST" ? 0 : JSON_GROWTH * context.limits.codeMaxBytes),
      onRequest,
      handler: async (request, reply) => {
        if (!handler) throw new WhiskRejection(405, methodNotAllowed(supported));
        return handler(context, request, reply);
      },
    });
  }
}
