/**
 * /api/v1/web/{namespace}/{package|default}/{action}[.extension]: actions that any caller may invoke over plain HTTP
 * (WebActions.scala). They run on behalf of their owner, and only when they are annotated `web-export`.
 */
import { annotationOf } from "@openwhisk-harvest/core";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { authenticate } from "../../auth.js";
import { isObject } from "../../controller/json.js";
import { finalParameters } from "../../controller/parameters.js";
import { MAX_BLOCKING_WAIT_MS, waitAtMost } from "../../controller/wait.js";
import type { StoredAction } from "../../entities.js";
import { isName } from "../../entity-name.js";
import type { ActivationRecord, Identity } from "../../messages.js";
import { WhiskRejection } from "../../whisk-rejection.js";
import { entityTooBig, TEXTS } from "../../whisk-texts.js";
import { checkRecordsKept } from "../admit.js";
import type { RestContext } from "../context.js";
import { acceptedActivation, checkComponentsEntitled } from "../invoke.js";
import { RESERVED, rawArguments, type WebRequest, webArguments } from "./request.js";
import { transcoderOf, type WebResponse } from "./response.js";

export const WEB_PREFIX = "/api/v1/web/";

const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"] as const;
/** Far above the largest payload: a body is read only to be able to say that it is too large. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

const ALLOWED_HEADERS = "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent";

/** Web actions get every body as bytes, whatever its type; so their routes have parsers of their own. */
export function addWebRoutes(app: FastifyInstance, context: RestContext): void {
  app.register((web, _options, done) => {
    web.removeAllContentTypeParsers();
    web.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
    web.route({
      method: [...METHODS],
      url: `${WEB_PREFIX}*`,
      bodyLimit: MAX_BODY_BYTES,
      exposeHeadRoute: false,
      handler: (request, reply) => handle(context, request, reply),
    });
    done();
  });
}

async function handle(context: RestContext, request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
  const target = targetOf(request);
  const { owner, action } = exportedAction(context, target);
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
  if (body.length > context.config.payloadMaxBytes)
    throw new WhiskRejection(413, entityTooBig("Request", body.length, context.config.payloadMaxBytes));
  const ownOptions = annotationOf(action.annotations, "web-custom-options") === true;
  if (!ownOptions) addCorsHeaders(request, reply);
  if (request.method === "OPTIONS" && !ownOptions) return reply.code(200).send();
  const user = callerIfAny(context, request);
  if (request.method !== "OPTIONS" && !isAuthenticated(action, request, user)) throw new WhiskRejection(401, TEXTS.noCredentials);
  const content = contentOf(action, webRequestOf(request, target.path, body, user));
  checkComponentsEntitled(context, owner, action);
  checkRecordsKept(context);
  const createdAtMs = context.clock.nowMs();
  const invocation = await context.controller.invoke({ user: owner, action, payload: content, transactionId: request.id, createdAtMs });
  reply.header("x-openwhisk-activation-id", invocation.activationId);
  const waited = await waitAtMost(context.clock, invocation.record, MAX_BLOCKING_WAIT_MS);
  if (!waited.done) {
    await context.activations.accept(acceptedActivation(owner, action, invocation.activationId, createdAtMs));
    throw new WhiskRejection(202, TEXTS.responseNotReady);
  }
  await context.activations.written(owner.namespace);
  return send(reply, target.transcode(resultOf(waited.value)));
}

interface Target {
  readonly namespace: string;
  /** `[package/]name` */
  readonly name: string;
  /** What follows the action's name. */
  readonly path: string;
  readonly transcode: (result: unknown) => WebResponse;
}

/** 404 for what is no name; nothing is said about why. */
function targetOf(request: FastifyRequest): Target {
  const [pathname = ""] = request.url.split("?");
  const [namespace = "", parent = "", segment = "", ...rest] = pathname.slice(WEB_PREFIX.length).split("/").map(unescaped);
  const { name, transcode } = transcoderOf(segment);
  if (![namespace, parent, name].every(isName)) throw new WhiskRejection(404, TEXTS.doesNotExist);
  const raw = pathname.slice(WEB_PREFIX.length).split("/").slice(3);
  return {
    namespace,
    name: parent === "default" ? name : `${parent}/${name}`,
    path: rest.length > 0 ? `/${raw.join("/")}` : "",
    transcode,
  };
}

function unescaped(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new WhiskRejection(404, TEXTS.doesNotExist);
  }
}

/**
 * 404 unless the namespace and the action exist and the action is exported; 429 when its owner has invoked too much.
 */
function exportedAction(context: RestContext, target: Target): { readonly owner: Identity; readonly action: StoredAction } {
  const owner = context.identities.find(target.namespace);
  const action = owner && context.controller.findAction(target);
  if (!owner || !action || annotationOf(action.annotations, "web-export") !== true) throw new WhiskRejection(404, TEXTS.doesNotExist);
  if (!context.controller.mayUse(owner, target)) throw new WhiskRejection(404, TEXTS.doesNotExist);
  context.throttle.check(owner.namespace);
  return { owner, action };
}

/** Web actions need no credentials, so wrong ones count as none. */
function callerIfAny({ identities }: RestContext, request: FastifyRequest): Identity | undefined {
  try {
    return authenticate(identities, request.headers.authorization);
  } catch (error) {
    if (error instanceof WhiskRejection) return undefined;
    throw error;
  }
}

/** `require-whisk-auth`: true asks for credentials of this OpenWhisk, a text or number for that value in a header. */
function isAuthenticated({ annotations }: StoredAction, request: FastifyRequest, user: Identity | undefined): boolean {
  if (!annotations.some((a) => a.key === "require-whisk-auth")) return true;
  const required = annotationOf(annotations, "require-whisk-auth");
  if (typeof required === "boolean") return !required || user !== undefined;
  if (typeof required !== "string" && typeof required !== "number") return false;
  return request.headers["x-require-whisk-auth"] === String(required);
}

/** 400 when the client sets what only the platform or the action's owner may set. */
function contentOf(action: StoredAction, request: WebRequest): object {
  if (annotationOf(action.annotations, "raw-http") === true) return rawArguments(request);
  const { given, all } = webArguments(request);
  const taken = [...RESERVED, ...finalParameters(action)];
  if (taken.some((key) => Object.hasOwn(given, key))) throw new WhiskRejection(400, TEXTS.parametersNotAllowed);
  return all;
}

function webRequestOf(request: FastifyRequest, path: string, body: Buffer, user: Identity | undefined): WebRequest {
  const query = request.url.includes("?") ? request.url.slice(request.url.indexOf("?") + 1) : "";
  const contentType = request.headers["content-type"];
  return { method: request.method, headers: request.headers, path, query, body, contentType, ...(user && { user: user.namespace }) };
}

/** An application error is answered by what it says; any other failure says nothing of itself. */
function resultOf({ response }: ActivationRecord): unknown {
  if (response.statusCode === 0) return response.result ?? {};
  if (response.statusCode !== 1) throw new WhiskRejection(400, TEXTS.errorProcessingRequest);
  const error = isObject(response.result) ? response.result["error"] : undefined;
  if (error === undefined) throw new WhiskRejection(404, TEXTS.propertyNotFound);
  return error;
}

function addCorsHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH",
    "Access-Control-Allow-Headers": request.headers["access-control-request-headers"] ?? ALLOWED_HEADERS,
  });
}

function send(reply: FastifyReply, { status, headers, contentType, body }: WebResponse): unknown {
  for (const name of new Set(headers.map(([given]) => given))) {
    const values = headers.filter(([given]) => given === name).map(([, value]) => value);
    reply.header(name, values.length === 1 ? values[0] : values);
  }
  reply.code(status);
  return body === undefined ? reply.send() : reply.header("content-type", contentType).send(body);
}
