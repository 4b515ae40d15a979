/** A Redis that is there and takes no writes: out of memory, or a replica. A fork says so within seconds; what ran waits for it. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { signal, TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";

const options = { skip: withoutRedisServer() };
let redis: RedisServer;
let whisk: TestOpenWhisk;

beforeEach(async () => {
  if (options.skip) return;
  redis = await new RedisServer().start();
  whisk = await new TestOpenWhisk().start();
  for (const name of ["a", "b"]) whisk.component(name, () => ({ [name]: 1 }));
});
afterEach(async () => {
  if (options.skip) return;
  await whisk.stop();
  await redis.stop();
});

const configure = (name: string, value: string) => redis.ask((client) => client.config("SET", name, value));
const outOfMemory = async () => {
  await configure("maxmemory-policy", "noeviction");
  await configure("maxmemory", "1");
};
const REFUSALS = [
  { name: "out of memory", refuse: outOfMemory, accept: () => configure("maxmemory", "0"), word: /OOM command not allowed/ },
  {
    name: "a replica",
    refuse: () => redis.ask((client) => client.replicaof("127.0.0.1", 1)),
    accept: () => redis.ask((client) => client.replicaof("NO", "ONE")),
    word: /READONLY You can't write against a read only replica/,
  },
];

for (const { name, refuse, accept, word } of REFUSALS) {
  test(`Verifies that a fork over a Redis that is ${name} gives up long before its activation, with Redis' own word`, options, async () => {
    whisk.conductor("test", await hookedConductor(c.sequence("a", c.parallel("a", "b")), { redisUrl: redis.url }), 60_000);
    await refuse();
    const startedMs = Date.now();
    const { error } = (await whisk.run("test", {})) as { error: string };
    assert.match(
      error,
      /^Parallel combinator failed to invoke a composition at AST node root\[1\]: Redis refuses to join the parallel stage: /,
    );
    assert.match(error, word);
    assert.ok(Date.now() - startedMs < 30_000, "its activation has 60 s");
    assert.equal(whisk.invocations, 0, "no branch was invoked");
  });

  test(`Verifies that a composition handles a fork that Redis, ${name}, refuses`, options, async () => {
    const handled = c.sequence(
      c.try(c.parallel("a", "b"), () => ({ instead: 1 })),
      "echo",
    );
    whisk.component("echo", (params) => params);
    whisk.conductor("test", await hookedConductor(handled, { redisUrl: redis.url }));
    await refuse();
    assert.deepEqual(await whisk.run("test", {}), { instead: 1 });
  });

  test(`Verifies that a result is kept until a Redis that was ${name} takes it`, options, async () => {
    const [gate, arrived] = [signal(), signal()];
    whisk.component("slow", async () => {
      arrived.give();
      await gate.given;
      return { slow: 1 };
    });
    whisk.conductor("test", await hookedConductor(c.parallel("a", "slow"), { redisUrl: redis.url }));
    const running = whisk.run("test", {});
    await arrived.given;
    await refuse();
    gate.give();
    await sleep(4_000); // longer than such answers are taken for a moment's
    await accept();
    assert.deepEqual(await running, { value: [{ a: 1 }, { slow: 1 }] });
  });
}
