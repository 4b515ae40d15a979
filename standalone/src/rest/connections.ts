/**
 * How long a client may take, and how many may come.
 *
 * connections.N1  The head of a request is there within HEADERS_TIMEOUT_MS of its first byte or of the connection, all of it within
 *     REQUEST_TIMEOUT_MS; otherwise it is answered with 408 and the connection ends.
 * connections.N2  A connection without a request ends after IDLE_TIMEOUT_MS.
 * connections.N3  At most half of the descriptors that the process may have are connections: the rest is for containers and stores.
 */
import { readFileSync } from "node:fs";
import type { Server } from "node:http";

export const HEADERS_TIMEOUT_MS = 10_000;
/** A body of 96 MB in that time is 3 MB a second. */
export const REQUEST_TIMEOUT_MS = 30_000;
const IDLE_TIMEOUT_MS = 65_000;
const CHECK_MS = 1_000;
const MOST_CONNECTIONS = 10_000;
/** Where the system does not say. */
const USUAL_DESCRIPTORS = 1_024;

/** For http.createServer (connections.N1). */
export const SERVER_OPTIONS = {
  headersTimeout: HEADERS_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  connectionsCheckingInterval: CHECK_MS,
};

/** connections.N1 to connections.N3, of a server that may have so many descriptors. */
export function boundConnections(server: Server, descriptors = descriptorLimit()): void {
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  server.keepAliveTimeout = IDLE_TIMEOUT_MS;
  server.maxConnections = Math.min(MOST_CONNECTIONS, Math.floor(descriptors / 2));
}

/** Node.js raises the limit to what it may be, at its start. */
function descriptorLimit(): number {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8")) ?? [];
    return Number(soft ?? USUAL_DESCRIPTORS);
  } catch {
    return USUAL_DESCRIPTORS; // no Linux
  }
}
