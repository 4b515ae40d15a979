/** How the result of a web action becomes an HTTP answer, by the extension in its URL (WebActions.scala, resultAs...). Pure. */
import { isObject, type JsonObject } from "../../controller/json.js";
import { WhiskRejection } from "../../whisk-rejection.js";
import { invalidMedia, TEXTS } from "../../whisk-texts.js";
import { isBase64 } from "../exec.js";
import { isBinaryType, isJsonFamily, mediaTypeOf } from "./request.js";

export interface WebResponse {
  readonly status: number;
  /** In order; a name may come more than once. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType?: string;
  /** Absent for an empty answer. */
  readonly body?: string | Buffer;
}

type Transcoder = (result: unknown) => WebResponse;

const EXTENSIONS: Readonly<Record<string, Transcoder>> = {
  ".http": asHttp,
  ".json": asJson,
  ".html": asHtml,
  ".svg": asSvg,
  ".text": asText,
};

/** The action's name and how its result is answered; without a known extension it is `.http`. */
export function transcoderOf(segment: string): { readonly name: string; readonly transcode: Transcoder } {
  for (const [extension, transcode] of Object.entries(EXTENSIONS))
    if (segment.endsWith(extension)) return { name: segment.slice(0, -extension.length), transcode };
  return { name: segment, transcode: asHttp };
}

const answer = (contentType: string, body: string | Buffer): WebResponse => ({ status: 200, headers: [], contentType, body });
const invalid = (type: string) => new WhiskRejection(400, invalidMedia(type));

/** The field `body`, or else the one with the extension's name; a result that is no object counts as a whole. */
function projection(result: unknown, field: string): unknown {
  return isObject(result) ? (result["body"] ?? result[field]) : result;
}

function asJson(result: unknown): WebResponse {
  if (typeof result !== "object" || result === null) throw invalid("application/json");
  return answer("application/json", JSON.stringify(result));
}

function asHtml(result: unknown): WebResponse {
  const html = projection(result, "html");
  if (typeof html !== "string") throw invalid("text/html");
  return answer("text/html; charset=UTF-8", html);
}

function asSvg(result: unknown): WebResponse {
  const svg = projection(result, "svg");
  if (typeof svg !== "string") throw invalid("image/svg+xml");
  return answer("image/svg+xml", svg);
}

function asText(result: unknown): WebResponse {
  const text = isObject(result) ? (Object.hasOwn(result, "body") ? result["body"] : result["text"]) : result;
  if (text === undefined) throw new WhiskRejection(404, TEXTS.propertyNotFound);
  return answer("text/plain; charset=UTF-8", typeof text === "string" ? text : JSON.stringify(text, undefined, 2));
}

/** `{statusCode, headers, body}`, each of them optional. */
function asHttp(result: unknown): WebResponse {
  if (!isObject(result)) throw invalid("message/http");
  const given = headersOf(result);
  const headers = given.filter(([name]) => name.toLowerCase() !== "content-type");
  const contentType = given.find(([name]) => name.toLowerCase() === "content-type")?.[1];
  const status = statusOf(result);
  const { body } = result;
  if (body === undefined || body === null || body === "") return { status: status ?? 204, headers };
  if (contentType !== undefined && !isMediaType(contentType)) throw new WhiskRejection(400, TEXTS.unknownContentType);
  const entity = typeof body === "string" ? textEntity(body, contentType) : jsonEntity(body, contentType);
  return { status: status ?? 200, headers, ...entity };
}

type Entity = Required<Pick<WebResponse, "contentType" | "body">>;

/** Media types that are not text carry their body in base64. */
function textEntity(body: string, given: string | undefined): Entity {
  const contentType = withCharset(given ?? "text/html");
  const type = mediaTypeOf(contentType);
  if (isJsonFamily(type)) return { contentType, body: isBase64(body) ? Buffer.from(body, "base64") : body };
  if (!isBinaryType(type)) return { contentType, body };
  if (!isBase64(body)) throw new WhiskRejection(400, TEXTS.contentTypeMismatch);
  return { contentType, body: Buffer.from(body, "base64") };
}

function jsonEntity(body: unknown, given: string | undefined): Entity {
  const type = mediaTypeOf(given ?? "application/json");
  if (!isJsonFamily(type)) throw new WhiskRejection(400, TEXTS.contentTypeMismatch);
  return { contentType: type, body: JSON.stringify(body) };
}

/** Text without a character set is UTF-8; JSON and bytes have none. */
function withCharset(contentType: string): string {
  const type = mediaTypeOf(contentType);
  return /charset=/i.test(contentType) || isBinaryType(type) || isJsonFamily(type) ? contentType : `${contentType}; charset=UTF-8`;
}

const MEDIA_TYPE = /^[\w!#$&^.+-]+\/[\w!#$&^.+*-]+(\s*;\s*[^;\r\n]*)*$/;

function isMediaType(text: string): boolean {
  return MEDIA_TYPE.test(text);
}

/** A whole number that HTTP can carry, also written as text. */
function statusOf({ statusCode }: JsonObject): number | undefined {
  if (statusCode === undefined) return undefined;
  const status = typeof statusCode === "string" && /^\d+$/.test(statusCode) ? Number(statusCode) : statusCode;
  if (typeof status !== "number" || !Number.isInteger(status) || status < 200 || status > 599) throw invalid("message/http");
  return status;
}

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** Texts, numbers and booleans; a list is a header given more than once. */
function headersOf({ headers }: JsonObject): [string, string][] {
  if (headers === undefined) return [];
  if (!isObject(headers)) throw invalid("message/http");
  return Object.entries(headers).flatMap(([name, value]) => headerLines(name, value));
}

function headerLines(name: string, value: unknown): [string, string][] {
  if (Array.isArray(value)) return value.flatMap((inner) => headerLines(name, inner));
  if (!["string", "number", "boolean"].includes(typeof value)) throw invalid("message/http");
  if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(String(value))) throw invalid("message/http");
  return [[name, String(value)]];
}
