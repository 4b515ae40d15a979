/** The HTTP face: bodies, headers, errors and authentication; the handlers themselves are in the files beside. */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import type { Logger } from "../container/logger.js";
import { transactionIdOf } from "../ids.js";
import { parseBounded } from "../json-depth.js";
import { malformed, WhiskRejection } from "../whisk-rejection.js";
import { entityTooBig, TEXTS } from "../whisk-texts.js";
import { admit } from "./admit.js";
import { answerClientError } from "./client-error.js";
import { boundConnections, REQUEST_TIMEOUT_MS, SERVER_OPTIONS } from "./connections.js";
import type { RestContext } from "./context.js";
import { addRoutes } from "./routes.js";
import { WEB_PREFIX } from "./web/web-actions.js";

const CORS = {
  "Access-Control-Allow-Origin": "*",
  "Access-Control-Allow-Headers": "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent",
  "Access-Control-Allow-Methods": "GET, DELETE, POST, PUT, HEAD",
} as const;

export function createRestServer(context: RestContext, logger: Logger): FastifyInstance {
  const app = Fastify({
    logger: false,
    http: SERVER_OPTIONS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: "idle",
    genReqId: (request) => transactionIdOf(request.headers["x-request-id"]),
    frameworkErrors: (error, request, reply) => refusePath(error, request, reply as unknown as FastifyReply),
    clientErrorHandler: (error, socket) => answerClientError(error, socket),
    routerOptions: { maxParamLength: 1024, ignoreTrailingSlash: false },
  });
  boundConnections(app.server);
  app.addHook("onRequest", async (request, reply) => {
    // Web actions have their own, or leave them to the action.
    reply.headers({ ...(!request.url.startsWith(WEB_PREFIX) && CORS), "X-Request-ID": request.id });
    if (!context.draining.admits(request.id)) throw new WhiskRejection(503, TEXTS.noInvokers);
  });
  readJsonBodies(app, context.config.payloadMaxBytes);
  app.setErrorHandler((error, request, reply) => answerError(error, request, reply, logger));
  app.setNotFoundHandler(() => {
    throw new WhiskRejection(404, TEXTS.doesNotExist);
  });
  addRoutes(app, context, (request) => admit(context, request));
  return app;
}

/** A path that cannot be decoded reaches no route and no hook; what else Fastify refuses comes to the error handler. */
function refusePath(error: Error, request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({ ...CORS, "X-Request-ID": request.id });
  void reply.code(400).send({ error: messageOf(error), code: request.id });
}

/** Bodies are JSON or empty. An invocation's is read even when it is too large, so that the client gets the answer that says so. */
function readJsonBodies(app: FastifyInstance, payloadMaxBytes: number): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body: string, done) => {
    const bodyBytes = Buffer.byteLength(body);
    if (request.method === "POST" && bodyBytes > payloadMaxBytes)
      return done(new WhiskRejection(413, entityTooBig("Request", bodyBytes, payloadMaxBytes)));
    if (body.trim() === "") return done(null, undefined);
    try {
      return done(null, parseBounded(body));
    } catch (error) {
      return done(malformed(messageOf(error)));
    }
  });
  // Clients of Node.js send this type with an empty body.
  app.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body: string, done) => {
    if (body === "") done(null, undefined);
    else done(new WhiskRejection(415, TEXTS.unsupportedContentType));
  });
}

async function answerError(error: unknown, request: FastifyRequest, reply: FastifyReply, logger: Logger): Promise<void> {
  const { status, text } = describe(error, request);
  if (status === 401) reply.header("WWW-Authenticate", 'Basic realm="OpenWhisk secure realm"');
  if (error instanceof WhiskRejection && error.retryAfterMs !== undefined)
    reply.header("Retry-After", Math.max(1, Math.ceil(error.retryAfterMs / 1_000)));
  if (status === 500) logger.error({ transactionId: request.id, reason: messageOf(error) }, "a request failed");
  await reply.code(status).send({ error: text, code: request.id });
}

function describe(error: unknown, request: FastifyRequest): { status: number; text: string } {
  if (error instanceof WhiskRejection) return { status: error.status, text: error.message };
  if (error instanceof HarvestError) {
    if (error.code === "OWH_NO_INVOKER" || error.code === "OWH_STORE_UNAVAILABLE") return { status: 503, text: TEXTS.noInvokers };
    if (error.code === "OWH_DISK_UNWRITABLE") return { status: 503, text: error.message };
    if (error.code === "OWH_CONFLICT") return { status: 409, text: error.message };
    if (error.code === "OWH_BAD_ALLOCATION" || error.code === "OWH_BAD_REQUEST") return { status: 400, text: error.message };
  }
  // Fastify's own, such as a body above every limit or an unknown media type.
  const status = (error as { statusCode?: unknown }).statusCode;
  if (status === 413)
    return { status, text: entityTooBig("Request", Number(request.headers["content-length"]), request.routeOptions.bodyLimit) };
  if (status === 415) return { status, text: TEXTS.unsupportedContentType };
  if (typeof status === "number" && status >= 400 && status < 500) return { status, text: messageOf(error) };
  return { status: 500, text: TEXTS.internalError };
}
