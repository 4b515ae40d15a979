/**
 * Clients of an OpenWhisk under load, as careful ones are: one that is refused comes again when it is told to, give or take a half, so
 * that those refused together do not come back together.
 */
import { Agent, request } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { seededRng } from "@openwhisk-harvest/core";

export interface Answer {
  readonly status: number;
  readonly tookMs: number;
  /** Undefined where no header says it. */
  readonly retryAfterMs: number | undefined;
  readonly activationId: string | undefined;
  readonly body: string;
}

export interface Target {
  readonly apihost: string;
  readonly auth: string;
}

export type Invoke = (params?: object) => Promise<Answer>;

/** Blocking invocations of an action of the target's own namespace, over connections that are kept. */
export function invokerOf({ apihost, auth }: Target, action: string): Invoke {
  const { hostname, port } = new URL(apihost);
  const path = `/api/v1/namespaces/_/actions/${action}?blocking=true&result=true`;
  const authorization = `Basic ${Buffer.from(auth).toString("base64")}`;
  const agent = new Agent({ keepAlive: true });
  return (params = {}) =>
    new Promise((resolve, reject) => {
      const startMs = performance.now();
      const text = JSON.stringify(params);
      const headers = { authorization, "content-type": "application/json", "content-length": Buffer.byteLength(text) };
      const sent = request({ hostname, port, path, method: "POST", headers, agent }, async (response) => {
        try {
          const body = Buffer.concat(await response.toArray()).toString();
          const { statusCode: status = 0, headers: told } = response;
          const retryAfterMs = told["retry-after"] === undefined ? undefined : 1_000 * Number(told["retry-after"]);
          const activationId = told["x-openwhisk-activation-id"]?.toString();
          resolve({ status, tookMs: performance.now() - startMs, retryAfterMs, activationId, body });
        } catch (error) {
          reject(error);
        }
      });
      sent.once("error", reject);
      sent.end(text);
    });
}

export interface SideBySide {
  readonly clients: number;
  /** Of all clients together; a refusal is none. */
  readonly invocations: number;
}

/** Each client invokes, waits for the answer and invokes again. All answers, refusals included, in the order in which they came. */
export async function invokeSideBySide(invoke: () => Promise<Answer>, { clients, invocations }: SideBySide): Promise<Answer[]> {
  const rng = seededRng(clients);
  const answers: Answer[] = [];
  let left = invocations;
  const client = async () => {
    while (left-- > 0)
      for (let answer = await invoke(); answers.push(answer) && answer.status === 429; answer = await invoke())
        await sleep((answer.retryAfterMs ?? 0) * (0.5 + rng.next()));
  };
  await Promise.all(Array.from({ length: clients }, client));
  return answers;
}

export interface Arrivals {
  readonly perSecond: number;
  readonly forMs: number;
}

/**
 * Clients that come at a constant rate, whatever becomes of those before them, and each once: what is refused is lost. `invoke` is told
 * how many were before. Resolves when the last one has its answer; `onLast` hears when it has come.
 */
export async function invokeAtRate(
  invoke: (n: number) => Promise<unknown>,
  { perSecond, forMs }: Arrivals,
  onLast: () => void = () => undefined,
): Promise<void> {
  const underWay = new Set<Promise<unknown>>();
  const startMs = performance.now();
  for (let n = 0; n < (perSecond * forMs) / 1_000; n++) {
    await sleep(startMs + (n * 1_000) / perSecond - performance.now());
    const invoked = invoke(n).finally(() => underWay.delete(invoked));
    underWay.add(invoked);
  }
  onLast();
  await Promise.all(underWay);
}

/** What became of the invocations of a composition. */
export interface Outcomes {
  readonly succeeded: readonly Answer[];
  /** With 429. */
  readonly refused: readonly Answer[];
  readonly failed: readonly Answer[];
}

/** A composition one of whose branches has failed succeeds for OpenWhisk, with the error in the value of its stage: it has failed here. */
export function outcomesOf(answers: readonly Answer[]): Outcomes {
  const succeeded = answers.filter(({ status, body }) => status === 200 && !hasErrors(JSON.parse(body)));
  const refused = answers.filter(({ status }) => status === 429);
  const passed = new Set([...succeeded, ...refused]);
  return { succeeded, refused, failed: answers.filter((answer) => !passed.has(answer)) };
}

function hasErrors(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  return "error" in result || Object.values(result).some(hasErrors);
}
