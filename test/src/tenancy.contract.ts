/**
 * A user can neither take another's allocation nor grant himself one (architecture, 5 and 6). Every attack is made
 * through the interfaces a user has: OpenWhisk's API, the sidecar's, and Redis as a conductor may reach it; some with more
 * than any user has.
 *
 * What a run was given is read from its observation. The first test shows that an honest run is given what was
 * published for it, so that the others show something: each of them differs from it in one thing.
 */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { before, beforeEach, it } from "node:test";
import {
  formatRunKey,
  type HarvestParam,
  newSigningSecret,
  type Observation,
  observationInLogs,
  type PublishedAllocation,
  REDIS_KEYS,
  type SigningKey,
  signFields,
  signingKeyOf,
  systemClock,
} from "@openwhisk-harvest/core";
import { signingKeyFor } from "@openwhisk-harvest/stores";
import { Redis } from "ioredis";
import openwhisk from "openwhisk";
import type { AppliedStack } from "./appliers.kit.js";
import { AES_JOB } from "./stack.kit.js";

const AST_PATH = "[0]";
/** Says what it is told to say: a conductor of the user's own making, as any user may deploy one. */
const CONDUCTOR = `function main(params) {
  if (params.done) return { params: { component: params.component ?? null } };
  return { action: params.action, params: { $harvest: params.forged }, state: { done: true } };
}`;
/** Tells what it was handed, so that the test sees whether a key reached it. */
const COMPONENT = "function main(params) { return { component: { id: process.env.__OW_ACTIVATION_ID, keys: Object.keys(params) } }; }";
const USER = { cpuCores: 0.5, memoryMb: 256 };
const STOLEN = { cpuCores: 0.25, memoryMb: 512 };
const DEADLINE_MS = 15_000;

type Client = openwhisk.Client;
const fresh = () => randomBytes(16).toString("hex");

export interface TenancyOptions {
  readonly start: () => Promise<AppliedStack>;
  /** Whether what applies can tell a step of a composition from a plain invocation. A stock invoker does not tell. */
  readonly knowsCauses: boolean;
}

export function tenancy({ start, knowsCauses }: TenancyOptions): void {
  let up: AppliedStack;
  let key: SigningKey;
  let victim: Client;
  let attacker: Client;
  let attackerAuth: string;
  let root: string;

  before(async () => {
    up = await start();
    key = signingKeyFor(up.stack.config);
    victim = up.client;
    const stranger = await up.stack.standalone.createIdentity("mallory");
    attackerAuth = stranger.authkey;
    attacker = openwhisk({ apihost: up.stack.standalone.apihost, api_key: attackerAuth, namespace: "mallory" });
    for (const client of [victim, attacker]) {
      await client.actions.update({ name: "conduct", action: CONDUCTOR, annotations: { conductor: true } } as never);
      await client.actions.update({
        name: "work",
        action: COMPONENT,
        limits: { memory: USER.memoryMb },
        annotations: { cpu: USER.cpuCores },
      } as never);
    }
    await up.setMode("harvest");
  });
  beforeEach(() => {
    root = fresh();
  });

  const stamp = (of = root) => `${of}-1`;
  const runKey = (of = root, astPath = AST_PATH, seq = 0) => formatRunKey({ root: of, trail: [], astPath, seq });
  const allocation = (change: Partial<PublishedAllocation> = {}): PublishedAllocation => ({
    v: 1,
    ...STOLEN,
    decision: stamp(),
    namespace: "guest",
    epoch: 1,
    ...change,
  });
  /** As the sidecar publishes. */
  const publish = (change: Partial<PublishedAllocation> = {}, by = key, of = root) =>
    up.stack.allocations.publish(of, signFields(by, of, { [AST_PATH]: allocation(change) }));

  /** What the component of a composition run was given, when its conductor tells it `forged`. */
  async function given(client: Client, forged: Partial<HarvestParam> | unknown): Promise<Observation> {
    const params = { action: "work", forged };
    const { response } = (await client.actions.invoke({ name: "conduct", blocking: true, params })) as unknown as {
      response: { result: { component: { id: string; keys: string[] } } };
    };
    const { id, keys } = response.result.component;
    assert.deepEqual(keys, [], "no key reaches user code");
    return observationOf(client, id);
  }

  async function observationOf(client: Client, id: string): Promise<Observation> {
    const untilMs = systemClock.monotonicMs() + DEADLINE_MS;
    for (;;) {
      const record = (await client.activations.get({ name: id }).catch(absent)) as { logs?: string[] } | undefined;
      const observation = observationInLogs(record?.logs ?? [], id);
      if (observation) return observation;
      assert.ok(systemClock.monotonicMs() < untilMs, `${id} left no observation`);
      await systemClock.sleep(20);
    }
  }

  const isUsers = ({ allocated, decision }: Observation, why: string) => {
    assert.deepEqual({ cpuCores: allocated.cpuCores, memoryMb: allocated.memoryMb }, USER, why);
    assert.equal(decision, undefined, why);
  };

  it("an honest run is given what was published and signed for it, once", async () => {
    await publish();
    const seen = await given(victim, { k: runKey(), d: stamp() });
    assert.equal(seen.allocated.cpuCores, STOLEN.cpuCores);
    assert.equal(seen.decision, stamp());
    isUsers(await given(victim, { k: runKey(), d: stamp() }), "the same key a second time");
  });

  it("a forged $harvest parameter takes no allocation of another namespace", async () => {
    await publish();
    isUsers(await given(attacker, { k: runKey(), d: stamp() }), "another's key and stamp");
    const seen = await given(victim, { k: runKey(), d: stamp() });
    assert.equal(seen.decision, stamp(), "and the attempt took nothing from its owner");
  });

  it("a forged stamp is believed by no applier", async () => {
    await publish();
    for (const d of [undefined, "", `${root}-2`, stamp(fresh()), { d: stamp() }, [stamp()]])
      isUsers(await given(victim, { k: runKey(), ...(d === undefined ? {} : { d }) }), `stamp ${JSON.stringify(d)}`);
  });

  it("a forged key opens nothing but what was published under it", async () => {
    await publish();
    const forged = [runKey(fresh()), runKey(root, "[1]"), `${root}:/[0]:x`, "", null, { root }, `${runKey()}\n`, "a".repeat(2_000)];
    for (const k of forged) isUsers(await given(victim, { k, d: stamp() }), `key ${JSON.stringify(k)}`);
    for (const harvest of [null, 1, "text", [], { k: runKey() }]) isUsers(await given(victim, harvest), JSON.stringify(harvest));
  });

  const plain = knowsCauses ? "nothing: there is no composition" : "nothing of another namespace";
  it(`$harvest in a plain invocation is taken out, and opens ${plain}`, async () => {
    await publish();
    const caller = knowsCauses ? victim : attacker;
    const params = { $harvest: { k: runKey(), d: stamp() } };
    const { response } = (await caller.actions.invoke({ name: "work", blocking: true, params })) as unknown as {
      response: { result: { component: { id: string; keys: string[] } } };
    };
    assert.deepEqual(response.result.component.keys, []);
    isUsers(await observationOf(caller, response.result.component.id), plain);
  });

  it("an old decision is worth nothing for another root run, though its signature is ours", async () => {
    const [old, later] = [root, fresh()];
    const signed = signFields(key, old, { [AST_PATH]: allocation() });
    await up.stack.allocations.publish(later, signed);
    isUsers(await given(victim, { k: runKey(later), d: stamp(old) }), "copied from an older run");
    const renamed = { [AST_PATH]: { ...signed[AST_PATH], decision: stamp(later) } as PublishedAllocation };
    await up.stack.allocations.publish(later, renamed);
    isUsers(await given(victim, { k: runKey(later), d: stamp(later) }), "and given a new name");
  });

  it("a function that can write to Redis, even as an administrator, gives itself nothing without the secret", async () => {
    const forgeries: Record<string, PublishedAllocation>[] = [
      { [AST_PATH]: allocation() },
      { [AST_PATH]: allocation({ signature: "A".repeat(43) }) },
      signFields(signingKeyOf(newSigningSecret()), root, { [AST_PATH]: allocation() }),
      { [AST_PATH]: { ...(signFields(key, root, { "[1]": allocation() })["[1]"] as PublishedAllocation) } },
      { [AST_PATH]: { ...(signFields(key, root, { [AST_PATH]: allocation() })[AST_PATH] as PublishedAllocation), cpuCores: 1.5 } },
      {
        [AST_PATH]: {
          ...(signFields(key, root, { [AST_PATH]: allocation({ namespace: "mallory" }) })[AST_PATH] as PublishedAllocation),
          namespace: "guest",
        },
      },
    ];
    for (const [at, fields] of forgeries.entries()) {
      await up.stack.allocations.publish(root, fields);
      isUsers(await given(victim, { k: runKey(), d: stamp() }), `forgery ${at}`);
    }
    await publish();
    assert.equal((await given(victim, { k: runKey(), d: stamp() })).decision, stamp(), "and none of them used the key up");
  });

  it("a conductor's own access to Redis reaches no allocation, mode, plan or event", async () => {
    const redis = new Redis(up.redis.composerUrl, { lazyConnect: true, retryStrategy: () => null });
    redis.on("error", () => undefined); // the attempts below are refused, and that is looked at
    await redis.connect();
    try {
      await redis.hset("composer/fork/mine", "marker", "42");
      assert.deepEqual(await redis.hgetall("composer/fork/mine"), { marker: "42" }, "its own keys it does reach");
      const { mode, events, plans } = REDIS_KEYS;
      const attempts: [string, () => Promise<unknown>][] = [
        ["write an allocation", () => redis.hset(REDIS_KEYS.allocation(root), AST_PATH, JSON.stringify(allocation()))],
        ["read an allocation", () => redis.hgetall(REDIS_KEYS.allocation(root))],
        ["copy a key out", () => redis.call("COPY", REDIS_KEYS.allocation(root), "composer/stolen")],
        ["rename a key in", () => redis.rename("composer/fork/mine", REDIS_KEYS.allocation(root))],
        ["set the mode", () => redis.set(mode, '{"v":1,"global":"harvest","namespaces":{}}')],
        ["read the mode", () => redis.get(mode)],
        ["delete the mode", () => redis.del(mode)],
        ["send an event", () => redis.xadd(events, "*", "event", "{}")],
        ["send a plan", () => redis.xadd(plans, "*", "plans", "{}")],
        ["write a plan", () => redis.hset(REDIS_KEYS.plan(root), runKey(), "{}")],
        ["empty it", () => redis.flushall()],
        ["change its rights", () => redis.call("ACL", "SETUSER", "composer", "~*")],
        ["change its configuration", () => redis.call("CONFIG", "SET", "requirepass", "")],
        ["run a script", () => redis.eval("return redis.call('keys', '*')", 0)],
      ];
      for (const [what, attempt] of attempts) await assert.rejects(attempt(), /NOPERM|unknown command/i, what);
    } finally {
      redis.disconnect();
    }
  });

  it("another namespace's key decides, reads, pauses and pins nothing of ours", async () => {
    const dag = await up.deploy(AES_JOB);
    const ask = async (method: string, path: string, body?: object) => {
      const response = await fetch(up.stack.sidecar.url + path, {
        method,
        headers: { authorization: `Basic ${Buffer.from(attackerAuth).toString("base64")}`, "content-type": "application/json" },
        ...(body && { body: JSON.stringify(body) }),
      });
      await response.body?.cancel();
      return response.status;
    };
    await up.stack.sidecar.decide({ v: 1, namespace: "guest", dag: dag.name, root, inputBytes: 10 });
    const request = { v: 1, namespace: "guest", dag: dag.name, root: fresh(), inputBytes: 10 };
    assert.equal(await ask("POST", "/v1/decisions", request), 403, "decide for another namespace");
    assert.equal(await ask("POST", "/v1/decisions", { ...request, namespace: "mallory" }), 404, "mallory has no such DAG");
    for (const [method, path, body] of [
      ["GET", `/v1/decisions/${root}`],
      ["GET", `/v1/decisions/${root}/explanation`],
      ["GET", "/v1/decisions?namespace=guest"],
      ["GET", `/v1/dags/guest/${dag.name}`],
      ["PUT", `/v1/dags/guest/${dag.name}`, dag],
      ["GET", "/v1/models?namespace=guest"],
      ["GET", "/v1/modes/guest"],
      ["PUT", "/v1/pauses/guest", {}],
      ["DELETE", "/v1/pauses/guest/aes-0"],
      ["PUT", `/v1/pins/guest/${dag.name}`, { policy: "paper" }],
    ] as const)
      assert.equal(await ask(method, path, body), 403, `${method} ${path}`);
  });

  it("a root run that was decided for one namespace is never decided for another", async () => {
    const dag = await up.deploy(AES_JOB);
    await up.stack.sidecar.decide({ v: 1, namespace: "guest", dag: dag.name, root, inputBytes: 10 });
    await up.stack.stores.dags.put({ ...dag, namespace: "mallory" });
    await assert.rejects(up.stack.sidecar.decide({ v: 1, namespace: "mallory", dag: dag.name, root, inputBytes: 10 }), {
      code: "OWH_FORBIDDEN",
    });
  });
}

function absent(error: unknown): undefined {
  if ((error as { statusCode?: number }).statusCode === 404) return undefined;
  throw error;
}
