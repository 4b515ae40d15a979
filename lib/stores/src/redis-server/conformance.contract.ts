/** Conformance with Redis, through ioredis: the table of probes, and what needs two clients or a clock. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { Redis } from "ioredis";
import { PROBES, type Probe } from "./conformance-probes.kit.js";

export interface ServerFixture {
  /** Of a user that may do everything. */
  readonly url: string;
  close(): Promise<void>;
}

/** An answer in the table's notation. */
function written(answer: unknown): unknown {
  if (answer instanceof Error) return `!${answer.message}`;
  return Array.isArray(answer) ? answer.map(written) : answer;
}

async function askAll(redis: Redis, { steps }: Probe): Promise<unknown[]> {
  const answers: unknown[] = [];
  for (const [[name, ...words]] of steps) answers.push(await redis.call(name as string, ...words).catch((error: unknown) => error));
  return answers.map(written);
}

export function conformanceContract(name: string, skip: string | false, open: () => Promise<ServerFixture>): void {
  describe(`Redis conformance: ${name}`, { skip }, () => {
    let fixture: ServerFixture;
    let clients: Redis[] = [];
    const client = (protocol: 2 | 3 = 3): Redis => {
      const redis = new Redis(fixture.url, { protocol });
      clients.push(redis);
      return redis;
    };

    before(async () => {
      fixture = await open();
    });
    after(() => fixture.close());
    const test = (title: string, work: () => Promise<void>) =>
      it(title, async () => {
        try {
          await work();
        } finally {
          const used = ["a", "b", "c", "d", "h", "l", "m", "s", "t", "x"];
          await client().del(...used);
          for (const redis of clients) redis.disconnect();
          clients = [];
        }
      });

    for (const protocol of [2, 3] as const)
      for (const probe of PROBES)
        test(`${probe.title} (RESP${protocol})`, async () => {
          assert.deepEqual(
            await askAll(client(protocol), probe),
            probe.steps.map(([, answer]) => (answer instanceof Map ? [...answer].flat(protocol === 3 ? 1 : 0) : answer)),
          );
        });

    test("values, keys and fields are bytes", async () => {
      const redis = client();
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
      const key = Buffer.concat([Buffer.from("x"), bytes]);
      await redis.set(key, bytes);
      assert.deepEqual(await redis.getBuffer(key), bytes);
      await redis.lpush("l", bytes, "\r\n");
      assert.deepEqual(await redis.lrangeBuffer("l", 0, -1), [Buffer.from("\r\n"), bytes]);
      await redis.hset("h", new Map([[bytes, bytes]]));
      assert.deepEqual(await redis.hgetBuffer("h", bytes), bytes);
      await redis.xadd("s", "1-1", bytes, bytes);
      assert.deepEqual(await redis.xrangeBuffer("s", "-", "+"), [[Buffer.from("1-1"), [bytes, bytes]]]);
      await redis.del(key);
    });

    test("a large value comes back whole", async () => {
      const redis = client();
      const large = Buffer.alloc(8 << 20, "0123456789abcdef");
      await redis.set("a", large);
      assert.ok(large.equals((await redis.getBuffer("a")) as Buffer));
    });

    test("a pipeline is answered in its order", async () => {
      const pipeline = client().pipeline();
      for (let n = 0; n < 2_000; n++) pipeline.rpush("l", n).lrange("l", -1, -1);
      const answers = (await pipeline.exec()) ?? [];
      answers.forEach(([error, answer], at) => {
        assert.equal(error, null);
        const n = Math.floor(at / 2);
        assert.deepEqual(answer, at % 2 ? [String(n)] : n + 1);
      });
    });

    test("keys expire when they are asked for, and by themselves", async () => {
      const redis = client();
      await redis.set("a", "1", "PX", 20);
      await redis.hset("h", "f", "v");
      await redis.pexpire("h", 20);
      await eventually(async () => (await redis.exists("a", "h")) === 0, "expiry");
      assert.equal(await redis.get("a"), null);
      assert.equal(await redis.set("a", "2", "NX"), "OK");
      await redis.pexpire("a", 20);
      await eventually(async () => !/keys=\d+,expires=[1-9]/.test(await redis.info("keyspace")), "the sweep");
    });

    test("BRPOP waits for LPUSH, and takes from the right", async () => {
      const [waiting, pushing] = [client(), client()];
      const popped = waiting.brpop("none", "l", 0);
      await blocked(1);
      await pushing.lpush("l", "1", "2");
      assert.deepEqual(await popped, ["l", "1"]);
      assert.deepEqual(await pushing.lrange("l", 0, -1), ["2"]);
    });

    test("sessions that wait are served in the order in which they came", async () => {
      const pushing = client();
      const popped: Promise<unknown>[] = [];
      for (let n = 1; n <= 3; n++) {
        popped.push(client().brpop("l", 0));
        await blocked(n);
      }
      await pushing.rpush("l", "a", "b", "c");
      assert.deepEqual(await Promise.all(popped), [
        ["l", "c"],
        ["l", "b"],
        ["l", "a"],
      ]);
    });

    test("RENAME serves the session that waits for its target, as a join does", async () => {
      const [waiting, other] = [client(), client()];
      const popped = waiting.brpop("l", 5);
      await blocked(1);
      await other.lpush("m", "42");
      await other.lpushx("m", "x");
      await other.rename("m", "l");
      assert.deepEqual(await popped, ["l", "42"]);
      assert.deepEqual(await other.lrange("l", 0, -1), ["x"]);
    });

    test("BLMOVE waits, moves, and serves the session that waits for its target", async () => {
      const [moving, popping, pushing] = [client(), client(), client()];
      const moved = moving.blmove("l", "m", "RIGHT", "LEFT", 5);
      const popped = popping.brpop("m", 5);
      await blocked(2);
      await pushing.lpush("l", "v");
      assert.equal(await moved, "v");
      assert.deepEqual(await popped, ["m", "v"]);
      assert.equal(await pushing.exists("l", "m"), 0);
    });

    test("pushes within a transaction serve the sessions that wait after it", async () => {
      const [waiting, other] = [client(), client()];
      const popped = waiting.brpop("l", 5);
      await blocked(1);
      await other.multi().lpush("l", "1").lpush("l", "2").exec();
      assert.deepEqual(await popped, ["l", "1"]);
    });

    test("a key of another type leaves those waiting for a list alone", async () => {
      const [waiting, other] = [client(), client()];
      const popped = waiting.brpop("l", 5);
      await blocked(1);
      await other.set("l", "text");
      await other.del("l");
      await other.lpush("l", "1");
      assert.deepEqual(await popped, ["l", "1"]);
    });

    test("requests behind a waiting one are answered after it", async () => {
      const [waiting, other] = [client(), client()];
      const order: string[] = [];
      const popped = waiting.brpop("l", 5).then(() => order.push("brpop"));
      const pinged = waiting.ping().then(() => order.push("ping"));
      await blocked(1);
      assert.deepEqual(order, []);
      await other.lpush("l", "1");
      await Promise.all([popped, pinged]);
      assert.deepEqual(order, ["brpop", "ping"]);
    });

    test("a session that hangs up while waiting takes nothing", async () => {
      const [leaving, other] = [client(), client()];
      leaving.brpop("l", 0).catch(() => undefined); // ends with the connection
      await blocked(1);
      leaving.disconnect();
      await blocked(0);
      await other.lpush("l", "1");
      assert.equal(await other.rpop("l"), "1");
    });

    test("XREAD waits for new entries", async () => {
      const [waiting, other] = [client(), client()];
      await other.xadd("s", "1-1", "f", "old");
      const read = waiting.xread("BLOCK", 5_000, "STREAMS", "s", "$");
      await blocked(1);
      await other.xadd("s", "2-1", "f", "new");
      assert.deepEqual(await read, [["s", [["2-1", ["f", "new"]]]]]);
    });

    test("XADD * gives rising ids, and MAXLEN ~ bounds the stream", async () => {
      const redis = client();
      const pipeline = redis.pipeline();
      for (let n = 0; n < 1_000; n++) pipeline.xadd("s", "MAXLEN", "~", 200, "*", "n", n);
      await pipeline.exec();
      const length = await redis.xlen("s");
      assert.ok(length >= 200 && length <= 300, `${length} entries`);
      const numbers = (await redis.xrange("s", "-", "+")).map(([, [, n]]) => Number(n));
      assert.deepEqual(
        numbers,
        Array.from({ length }, (_, n) => 1_000 - length + n),
      );
    });

    /** Resolves once that many clients wait. */
    async function blocked(count: number): Promise<void> {
      const observer = client();
      await eventually(async () => (await observer.info("clients")).includes(`blocked_clients:${count}\r`), `${count} waiting clients`);
    }
  });
}
