/**
 * What only looks writes nothing: every dry run, and every decision in mode observe, leaves OpenWhisk's entities, all document
 * databases and Redis exactly as they were. Each case is followed by the same thing done for real, which the comparison must notice.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type DagDescription, type DatabaseName, systemClock } from "@openwhisk-harvest/core";
import { writeStackFile } from "@openwhisk-harvest/laptop";
import { trainFromStores } from "@openwhisk-harvest/profiler";
import { newId } from "@openwhisk-harvest/testkit";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { Redis } from "ioredis";
import { skewedProfiles } from "./profiles.kit.js";
import { AES_JOB, startTestStack, type TestStack } from "./stack.kit.js";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));
const DATABASES: readonly DatabaseName[] = ["harvest_dags", "harvest_profiles", "harvest_models", "harvest_decisions"];
const run = promisify(execFile);

type Snapshot = Record<"entities" | "redis" | DatabaseName, Record<string, unknown>>;

/** The embedded Redis has no command that lists every key. */
describe("dry runs", { skip: withoutRedisServer() }, () => {
  let up: TestStack;
  let redis: Redis;

  before(async () => {
    up = await startTestStack();
    writeStackFile(up.stack);
    redis = new Redis(up.stack.redis?.url ?? "");
  });
  after(async () => {
    redis?.disconnect();
    await up?.close();
  });

  const harvest = async (...words: string[]): Promise<string> => {
    const { stdout } = await run(process.execPath, [HARVEST, ...words, "--data-dir", up.stack.config.dataDir]);
    return stdout;
  };

  async function snapshot(): Promise<Snapshot> {
    const databases = await Promise.all(DATABASES.map(async (name) => [name, await documentsOf(name)] as const));
    return { entities: await entities(), redis: await redisContents(), ...Object.fromEntries(databases) } as Snapshot;
  }

  async function documentsOf(name: DatabaseName): Promise<Record<string, unknown>> {
    const found: Record<string, unknown> = {};
    for await (const { id, rev, body } of up.stack.stores.documents.database(name).range({ from: "!", to: "\u{10fffd}" }))
      found[id] = { rev, body };
    return found;
  }

  async function entities(): Promise<Record<string, unknown>> {
    const actions = (await up.client.actions.list()) as { name: string; version: string; updated: number }[];
    return Object.fromEntries(actions.map(({ name, version, updated }) => [name, { version, updated }]));
  }

  async function redisContents(): Promise<Record<string, unknown>> {
    const keys = (await redis.keys("*")).sort();
    return Object.fromEntries(await Promise.all(keys.map(async (key) => [key, await contentOf(key)])));
  }

  async function contentOf(key: string): Promise<unknown> {
    const type = await redis.type(key);
    if (type === "string") return redis.get(key);
    if (type === "hash") return redis.hgetall(key);
    if (type === "stream") return redis.xrange(key, "-", "+");
    return redis.lrange(key, 0, -1);
  }

  /** Runs the words as a dry run, which must change nothing, and then `real`, which must change `what`. */
  async function dryThenReal(what: keyof Snapshot, words: readonly string[], real: () => Promise<unknown>): Promise<string> {
    const before = await snapshot();
    const said = await harvest(...words, "--dry-run");
    assert.deepEqual(await snapshot(), before, `harvest ${words.join(" ")} --dry-run has written`);
    await real();
    assert.notDeepEqual((await snapshot())[what], before[what], "done for real it writes, so the comparison shows something");
    return said;
  }

  it("deploy --dry-run writes nothing, neither the first time nor over what is there", async () => {
    for (const _time of ["first", "again"]) await dryThenReal("entities", ["deploy", AES_JOB], () => up.deploy(AES_JOB));
  });

  it("mode --dry-run writes nothing", async () => {
    await dryThenReal("redis", ["mode", "observe"], () => up.setMode("observe"));
  });

  it("train --dry-run writes nothing, and trains all the same", async () => {
    const { dags, profiles, models } = up.stack.stores;
    const dag = (await dags.get("guest", "parallel-aes")) as DagDescription;
    for (const profile of skewedProfiles(dag, { runs: 12, grid: up.stack.grid })) await profiles.put(profile);
    const real = () => trainFromStores({ profiles, models, dag, grid: up.stack.grid, seed: 1, createdAtMs: 0 });
    assert.match(await dryThenReal("harvest_models", ["train", dag.name], real), /model 1,[\s\S]*nothing was stored/);
  });

  it("a decision in mode observe writes nothing but its own record, and one in mode harvest does", async () => {
    const decide = async () => {
      const root = newId();
      const { id } = await up.stack.sidecar.decide({ v: 1, namespace: "guest", dag: "parallel-aes", root, inputBytes: 50_000 });
      const untilMs = systemClock.monotonicMs() + 10_000;
      while (!(await up.stack.stores.decisions.find(id))) {
        assert.ok(systemClock.monotonicMs() < untilMs, "the decision was not stored");
        await systemClock.sleep(10);
      }
      return root;
    };
    const before = await snapshot();
    const root = await decide();
    const { harvest_decisions: decisions, ...others } = await snapshot();
    const { harvest_decisions: known, ...othersBefore } = before;
    assert.deepEqual(others, othersBefore);
    const added = Object.keys(decisions).filter((id) => !(id in known));
    assert.ok(added.length > 0 && added.every((id) => id.includes(root)), `its own record and no other: ${added}`);

    await up.setMode("harvest");
    const harvested = await decide();
    assert.ok(`harvest:alloc:${harvested}` in (await snapshot()).redis, "in mode harvest it publishes, so the comparison shows something");
  });
});
