/**
 * A stack with two tenants: one that keeps a secret and asks for nothing but its answer, and one that is hostile. After every attack the
 * first is answered as before, and its secret is where it was.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import openwhisk from "openwhisk";
import { startTestStack, type TestStack } from "../stack.kit.js";

/** Whether there can be actions of python. */
export const hasPython = spawnSync("python3", ["-c", ""]).status === 0;
export const SECRET = "the-neighbours-secret";

export interface Neighbours {
  readonly up: TestStack;
  /** Mallory's. */
  readonly hostile: openwhisk.Client;
  /** Makes an action of Mallory's and returns what one invocation of it says; `error` when it fails. */
  attack(action: HostileAction): Promise<Record<string, unknown>>;
  /** The same action as it is, so that a container of it that is still there serves it. */
  again(name: string, params?: Record<string, unknown>): Promise<Record<string, unknown>>;
  /** The neighbour's action answers, its secret is unchanged, and what the attack has seen does not hold it. */
  assertUnharmed(seen?: unknown): Promise<void>;
  close(): Promise<void>;
}

export interface HostileAction {
  readonly name?: string;
  readonly kind?: string;
  readonly code: string;
  readonly params?: Record<string, unknown>;
  readonly annotations?: Record<string, unknown>;
  readonly limits?: Record<string, number>;
}

export async function startNeighbours(
  flags: readonly string[] = [],
  options: Parameters<typeof startTestStack>[1] = {},
): Promise<Neighbours> {
  const up = await startTestStack(flags, options);
  const { standalone } = up.stack;
  const { authkey } = await standalone.createIdentity("mallory");
  const hostile = openwhisk({ apihost: standalone.apihost, api_key: authkey, namespace: "mallory" });
  const neighbour = {
    name: "neighbour",
    action: "function main(p) { return { secret: p.secret, n: p.n + 1 } }",
    params: { secret: SECRET },
  };
  await up.client.actions.update(neighbour);
  let made = 0;
  const again: Neighbours["again"] = async (name, params = {}) => {
    const record = await hostile.actions.invoke({ name, blocking: true, params }).catch((error) => error.error);
    return record.response?.result ?? { error: record };
  };
  return {
    up,
    hostile,
    attack: async ({ name = `attack${++made}`, kind = "nodejs:20", code, params = {}, annotations = {}, limits = {} }) => {
      await hostile.actions.update({ name, kind, action: code, annotations, limits } as never);
      return again(name, params);
    },
    again,
    assertUnharmed: async (seen) => {
      const result = await up.client.actions.invoke({ name: "neighbour", blocking: true, result: true, params: { n: 1 } });
      assert.deepEqual(result, { secret: SECRET, n: 2 });
      const { parameters } = await up.client.actions.get({ name: "neighbour" });
      assert.deepEqual(parameters, [{ key: "secret", value: SECRET }]);
      assert.ok(!JSON.stringify(seen ?? null).includes(SECRET), "the neighbour's secret was seen");
    },
    close: () => up.close(),
  };
}
