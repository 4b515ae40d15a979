/**
 * The three calls of OpenWhisk's REST API that profiling makes, over real HTTP on loopback (openwhisk-protocol, 8): blocking
 * invocation, list with docs, get. Records become visible after as many looks as the test says, as they do in OpenWhisk.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import openwhisk from "openwhisk";
import type { OpenWhiskClient } from "./activation-reader.js";
import type { ActivationView } from "./activation-view.js";

/** How the server answers an invocation. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Records that the run leaves behind. */
  readonly records?: readonly ActivationView[];
  /** Lists that are served before the records show. */
  readonly visibleAfterLists?: number;
}

export interface FakeOpenWhisk {
  readonly client: OpenWhiskClient;
  /** Paths and queries, in order. */
  readonly requests: readonly string[];
  /** Answers to the next lists, before real ones. */
  readonly listFailures: number[];
  add(records: readonly ActivationView[]): void;
  close(): Promise<void>;
}

export async function fakeOpenWhisk(onInvoke: (params: Record<string, unknown>) => Answer | Promise<Answer>): Promise<FakeOpenWhisk> {
  const requests: string[] = [];
  const listFailures: number[] = [];
  let visible: ActivationView[] = [];
  let pending: { records: readonly ActivationView[]; lists: number }[] = [];

  const answer = async (request: IncomingMessage): Promise<{ status: number; body: unknown }> => {
    const url = new URL(request.url ?? "/", "http://fake");
    requests.push(`${request.method} ${url.pathname}${url.search}`);
    if (request.method === "POST") {
      const answered = await onInvoke(await readJson(request));
      pending.push({ records: answered.records ?? [], lists: answered.visibleAfterLists ?? 0 });
      return answered;
    }
    for (const batch of pending) if (batch.lists-- <= 0) visible.push(...batch.records);
    pending = pending.filter((batch) => batch.lists >= 0);
    const id = url.pathname.split("/activations/")[1];
    if (id === undefined) return listFailures.length > 0 ? failure(listFailures.shift() ?? 500) : list(url, visible);
    const found = visible.find((record) => record.activationId === id);
    return found ? { status: 200, body: found } : failure(404);
  };

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    answer(request).then(
      ({ status, body }) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) => response.destroy(error as Error),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    client: openwhisk({ apihost: `http://127.0.0.1:${port}`, api_key: "user:pass", namespace: "guest" }),
    requests,
    listFailures,
    add(records) {
      visible = visible.concat(records);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function failure(status: number) {
  return { status, body: { error: `status ${status}`, code: "code" } };
}

/** Newest first, `since` inclusive. */
function list(url: URL, records: readonly ActivationView[]) {
  const number = (name: string) => Number(url.searchParams.get(name));
  const sorted = records.filter((record) => record.start >= number("since")).sort((a, b) => b.start - a.start);
  return { status: 200, body: sorted.slice(number("skip"), number("skip") + number("limit")) };
}

async function readJson(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
}
