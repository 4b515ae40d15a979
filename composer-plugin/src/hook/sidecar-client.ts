/**
 * One question to the sidecar over HTTP, answered in time or not at all.
 *
 * A container is paused between its runs, and does not see that the sidecar closes a connection meanwhile: a question that such a
 * connection breaks is asked once more, on a new one. Its root makes it the same question to the sidecar.
 */
import type { Agent, ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import type { HookHost } from "./config.js";
import { formatHookCounts, HOOK_COUNTS_HEADER, type HookCounts } from "./wire.js";

/** A decision about a thousand functions is some 500 KB. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** A connection that was kept had been closed by the other side. */
class StaleConnection extends Error {}

const STALE: readonly (string | undefined)[] = ["ECONNRESET", "EPIPE"];

/** The sidecar works and says no: the DAG is unknown to it, or the key is. */
export class Refused extends Error {}

interface Transport {
  request(url: URL, options: RequestOptions, answered: (response: IncomingMessage) => void): ClientRequest;
  /** False for a connection of its own. */
  readonly agent: Agent | false;
}

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly counts: HookCounts;
  readonly body?: string;
}

export class SidecarClient {
  private transport: { readonly protocol: string; readonly open: Promise<Transport> } | undefined;

  /** `address` is asked anew each time: a sidecar that was restarted may listen elsewhere. */
  constructor(
    private readonly address: () => string | undefined,
    private readonly host: HookHost,
  ) {}

  get isConfigured(): boolean {
    return Boolean(this.address() && this.host.env["__OW_API_KEY"]);
  }

  /** The parsed answer. Rejects with Refused for a status below 500 that is no success, and with any other error for the rest. */
  async ask({ path, body, counts, ...ask }: Ask): Promise<unknown> {
    const url = new URL(String(this.address()).replace(/\/+$/, "") + path);
    if (this.transport?.protocol !== url.protocol) this.transport = { protocol: url.protocol, open: openTransport(url.protocol) };
    const told = formatHookCounts(counts);
    const headers = {
      authorization: `Basic ${Buffer.from(String(this.host.env["__OW_API_KEY"])).toString("base64")}`,
      ...(told === undefined ? {} : { [HOOK_COUNTS_HEADER]: told }),
      ...(body === undefined ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
    };
    const transport = await this.transport.open;
    const untilMs = this.host.nowMs() + ask.timeoutMs;
    const { status, text } = await exchange(transport, url, { ...ask, headers }, body).catch((error: unknown) => {
      if (!(error instanceof StaleConnection)) throw error;
      const leftMs = Math.max(1, untilMs - this.host.nowMs());
      return exchange({ ...transport, agent: false }, url, { ...ask, headers, timeoutMs: leftMs }, body);
    });
    if (status >= 500) throw new Error(`the sidecar answered ${status}`);
    if (status >= 300) throw new Refused(`the sidecar answered ${status}`);
    return JSON.parse(text);
  }
}

async function openTransport(protocol: string): Promise<Transport> {
  const { Agent, request } = protocol === "https:" ? await import("node:https") : await import("node:http");
  return { request, agent: new Agent({ keepAlive: true, maxSockets: 4 }) };
}

type ExchangeOptions = Pick<Ask, "method" | "timeoutMs" | "signal"> & { readonly headers: Record<string, string | number> };

function exchange(
  { request, agent }: Transport,
  url: URL,
  { timeoutMs, ...options }: ExchangeOptions,
  body?: string,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const call = request(url, { ...options, agent }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        text += part;
        if (text.length > MAX_ANSWER_BYTES) call.destroy(new Error("the answer is too long"));
      });
      response.on("end", () => settle(() => resolve({ status: response.statusCode ?? 0, text })));
      response.on("error", (error) => settle(() => reject(error)));
    });
    const timer = setTimeout(() => call.destroy(new Error("no answer in time")), timeoutMs);
    const settle = (how: () => void) => {
      clearTimeout(timer);
      how();
    };
    call.on("error", (error: NodeJS.ErrnoException) =>
      settle(() => reject(call.reusedSocket && STALE.includes(error.code) ? new StaleConnection(error.message) : error)),
    );
    call.end(body);
  });
}
