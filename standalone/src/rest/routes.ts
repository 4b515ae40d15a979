/** Which path leads to which handler. A path that exists answers other methods with 405. */
import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from "fastify";
import { WhiskRejection } from "../whisk-rejection.js";
import { methodNotAllowed, TEXTS } from "../whisk-texts.js";
import { ABOUT_API, aboutServer } from "./about.js";
import { deleteAction, getAction, listActions, putAction } from "./actions.js";
import { getActivation, getLogs, getResult, listActivations } from "./activations.js";
import { callerOf, pathSegments, type RestContext } from "./context.js";
import { MAX_CODE_BYTES } from "./exec.js";
import { invokeAction } from "./invoke.js";

type Handler = (context: RestContext, request: FastifyRequest, reply: FastifyReply) => unknown;
type Routes = Readonly<Record<string, Partial<Record<HTTPMethods, Handler>>>>;

/** Code may grow when it is written as JSON text. */
const MAX_PUT_BYTES = 2 * MAX_CODE_BYTES;
/** Far above the largest payload: so far a body is read only to be able to say that it is too large. */
const MAX_POST_BYTES = 16 * 1024 * 1024;

/** Fastify answers HEAD wherever it answers GET. */
const METHODS: readonly HTTPMethods[] = ["GET", "PUT", "POST", "DELETE", "PATCH"];

/** Everybody may ask. */
const OPEN: Routes = {
  "/": { GET: ({ config }) => aboutServer(config) },
  "/ping": { GET: (_context, _request, reply) => reply.type("text/plain; charset=UTF-8").send("pong") },
  "/api/v1": { GET: () => ABOUT_API },
  "/invokers": {
    GET: async ({ invokers }) =>
      Object.fromEntries((await invokers()).map((i) => [`invoker${i.id}/${i.id}`, i.healthy ? "up" : "unhealthy"])),
  },
};

/** Only with a key. */
const SECURED: Routes = {
  "/api/v1/namespaces": { GET: (_context, request) => [callerOf(request).user.namespace] },
  "/api/v1/namespaces/:namespace/limits": {
    GET: ({ config }) => ({ invocationsPerMinute: config.invocationsPerMinute, concurrentInvocations: config.concurrentInvocations }),
  },
  "/api/v1/namespaces/:namespace/actions": { GET: listActions },
  "/api/v1/namespaces/:namespace/actions/*": { GET: getActionOrPackage, PUT: putAction, POST: invokeAction, DELETE: deleteAction },
  "/api/v1/namespaces/:namespace/activations": { GET: listActivations },
  "/api/v1/namespaces/:namespace/activations/:id": { GET: getActivation },
  "/api/v1/namespaces/:namespace/activations/:id/logs": { GET: getLogs },
  "/api/v1/namespaces/:namespace/activations/:id/result": { GET: getResult },
};

/** `/actions/` is the list of the namespace, `/actions/{package}/` that of a package. */
function getActionOrPackage(context: RestContext, request: FastifyRequest): object {
  const segments = pathSegments(request);
  if (segments.length === 1 && segments[0] === "") return listActions(context, request);
  if (segments.at(-1) === "") throw new WhiskRejection(404, TEXTS.doesNotExist);
  return getAction(context, request);
}

/** `admit` is called before the body of a secured request is read, and throws when it is not to be answered. */
export function addRoutes(app: FastifyInstance, context: RestContext, admit: (request: FastifyRequest) => void): void {
  app.options("*", (_request, reply) => reply.send());
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
      bodyLimit: method === "POST" ? MAX_POST_BYTES : MAX_PUT_BYTES,
      onRequest,
      handler: async (request, reply) => {
        if (!handler) throw new WhiskRejection(405, methodNotAllowed(supported));
        return handler(context, request, reply);
      },
    });
  }
}
