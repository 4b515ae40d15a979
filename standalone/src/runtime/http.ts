/** The two endpoints of an action container. Everything but POST /init and POST /run is a bad request, as in the nodejs images. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Answer, errorAnswer, RuntimeService } from "./service.js";

/** 48 MB: the largest code there is (app.js). */
const MAX_BODY_BYTES = 48 * 1024 * 1024;
const BAD_REQUEST = errorAnswer(500, "Bad request.");

export function createRuntimeServer(): Server {
  const service = new RuntimeService();
  const server = createServer((request, response) => {
    handle(service, request).then(
      (answer) => send(response, answer),
      () => send(response, errorAnswer(500, "Internal error.")),
    );
  });
  // Runs take as long as they take, and the invoker keeps its connection while the container is idle.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  server.headersTimeout = 0;
  return server;
}

async function handle(service: RuntimeService, request: IncomingMessage): Promise<Answer> {
  const text = await bodyOf(request);
  if (text === undefined || request.method !== "POST") return BAD_REQUEST;
  let body: unknown;
  try {
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    return BAD_REQUEST;
  }
  if (typeof body !== "object" || body === null) return BAD_REQUEST;
  if (request.url === "/init") return service.init(body);
  return request.url === "/run" ? service.run(body) : BAD_REQUEST;
}

/** Undefined when it is too long; it is read to its end all the same, so that the answer can be sent. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes <= MAX_BODY_BYTES ? Buffer.concat(chunks).toString("utf8") : undefined;
}

/** The invoker takes no answer without a Content-Length (ApacheBlockingContainerClient.scala:124). */
function send(response: ServerResponse, { status, body }: Answer): void {
  response.writeHead(status, { "Content-Type": "application/json; charset=utf-8", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
}
