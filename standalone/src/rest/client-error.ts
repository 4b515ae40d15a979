/** What cannot be read as HTTP at all reaches no route; it is answered in OpenWhisk's form all the same. */
import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { newTransactionId } from "../ids.js";

const MESSAGES: Readonly<Record<string, readonly [status: number, text: string]>> = {
  HPE_HEADER_OVERFLOW: [431, "The request's header is larger than allowed."],
  ERR_HTTP_REQUEST_TIMEOUT: [408, "The request did not arrive in time."],
};
const ILLEGAL = [400, "The request is not valid HTTP."] as const;

/** Ends the connection: it cannot be told where the next request on it would begin. */
export function answerClientError(error: { readonly code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, text] = MESSAGES[error.code ?? ""] ?? ILLEGAL;
  const code = newTransactionId();
  const body = JSON.stringify({ error: text, code });
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    `X-Request-ID: ${code}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}
