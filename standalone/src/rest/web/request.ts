/** What a web action is told about the request that invokes it (WebActions.scala, Context). Pure. */
import { isObject, type JsonObject } from "../../controller/json.js";
import { parseBounded } from "../../json-depth.js";
import { malformed } from "../../whisk-rejection.js";

/** Properties that only the platform sets. */
export const RESERVED: readonly string[] = ["__ow_method", "__ow_headers", "__ow_path", "__ow_user", "__ow_query", "__ow_body"];

export interface WebRequest {
  readonly method: string;
  readonly headers: JsonObject;
  /** What follows the action's name, as it came; empty or from a slash on. */
  readonly path: string;
  /** Without the question mark, as it came. */
  readonly query: string;
  /** Empty when there is none. */
  readonly body: Buffer;
  readonly contentType: string | undefined;
  /** The namespace of the caller, when it gave credentials. */
  readonly user?: string;
}

/** The arguments of a raw web action: query and body as they came. */
export function rawArguments(request: WebRequest): JsonObject {
  const body = request.body.length === 0 ? "" : opaqueBody(request);
  return { ...metadata(request), __ow_query: request.query, __ow_body: body };
}

/** The arguments of a web action, and apart from them those that the client chose: query parameters, and over them the body's. */
export function webArguments(request: WebRequest): { readonly given: JsonObject; readonly all: JsonObject } {
  const query = Object.fromEntries(new URLSearchParams(request.query));
  const body = request.body.length === 0 ? {} : parsedBody(request);
  const given = { ...query, ...(isObject(body) ? body : {}) };
  return { given, all: { ...metadata(request), ...given, ...(!isObject(body) && { __ow_body: body }) } };
}

function metadata({ method, headers, path, user }: WebRequest): JsonObject {
  return { __ow_method: method.toLowerCase(), __ow_headers: headers, __ow_path: path, ...(user !== undefined && { __ow_user: user }) };
}

/** JSON and forms are read; anything else stays one value under `__ow_body`. 400 for JSON that is none. */
function parsedBody(request: WebRequest): unknown {
  const type = mediaTypeOf(request.contentType);
  if (isJsonFamily(type)) {
    try {
      return parseBounded(request.body.toString("utf8"));
    } catch (error) {
      throw malformed(error instanceof Error ? error.message : String(error));
    }
  }
  if (type === "application/x-www-form-urlencoded") return Object.fromEntries(new URLSearchParams(request.body.toString("utf8")));
  return opaqueBody(request);
}

/** Text as it is; what is binary, and for the sake of old clients `application/json`, in base64. */
function opaqueBody({ body, contentType }: WebRequest): string {
  const type = mediaTypeOf(contentType);
  return isBinaryType(type) || type === "application/json" ? body.toString("base64") : body.toString("utf8");
}

/** `type/subtype` in lower case; without a header a body is a stream of bytes. */
export function mediaTypeOf(contentType: string | undefined): string {
  return (contentType ?? "application/octet-stream").split(";")[0]?.trim().toLowerCase() ?? "";
}

export function isJsonFamily(type: string): boolean {
  return type === "application/json" || type.endsWith("+json");
}

/** What is known to be text outside of `text/`. */
const TEXT_TYPES = new Set(["application/x-www-form-urlencoded", "application/javascript", "application/xml", "application/graphql"]);

export function isBinaryType(type: string): boolean {
  if (type.startsWith("text/") || type.startsWith("multipart/") || type.startsWith("message/")) return false;
  return !(isJsonFamily(type) || type.endsWith("+xml") || TEXT_TYPES.has(type));
}
