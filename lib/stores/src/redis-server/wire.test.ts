/** The very bytes: random requests get the same answer from redis-server and from our own server, in RESP2 and in RESP3. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { startTestRedis, type TestRedis, withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import fc from "fast-check";
import { RawClient } from "./raw-client.kit.js";

const key = fc.constantFrom("a", "b", "c");
const value = fc.oneof(fc.constantFrom("", "x", "y", "1"), fc.string({ maxLength: 12 }));
const index = fc.oneof(
  fc.integer({ min: -6, max: 6 }).map(String),
  fc.constantFrom("x", "", "1.5", "+1", " 1", "-0", "01", "9".repeat(25)),
);
const end = fc.constantFrom("LEFT", "RIGHT", "left", "UP");
const timeout = fc.constantFrom("0.01", "x", "-1", "");
const id = fc.oneof(
  fc.tuple(fc.nat(9), fc.nat(9)).map(([ms, seq]) => `${ms}-${seq}`),
  fc.constantFrom("5", "7-*", "0-0", "x", "1-", "-1", "(3"),
);
const rangeId = fc.oneof(id, fc.constantFrom("-", "+", "(1-1"));
const words = (...parts: fc.Arbitrary<string>[]) => fc.tuple(...parts);
const of = (name: string) => fc.constant(name);

/** Requests that neither wait for ever nor tell the time. */
const request: fc.Arbitrary<string[]> = fc.oneof(
  words(of("SET"), key, value),
  words(of("SET"), key, value, fc.constantFrom("NX", "XX", "KEEP", "EX")),
  words(of("SET"), key, value, fc.constantFrom("EX", "PX"), fc.constantFrom("100000", "0", "-1", "x")),
  words(fc.constantFrom("GET", "LLEN", "HGETALL", "XLEN", "RPOP", "LPOP", "EXISTS", "DEL", "MGET", "get"), key),
  words(fc.constantFrom("MGET", "DEL", "EXISTS", "RENAME", "HGET", "HDEL", "HMGET", "LPUSHX"), key, key),
  words(fc.constantFrom("LPUSH", "RPUSH", "LPUSHX"), key, value, value),
  words(fc.constantFrom("LRANGE"), key, index, index),
  words(of("LREM"), key, index, value),
  words(fc.constantFrom("RPOP", "LPOP"), key, index),
  words(of("BRPOP"), key, key, timeout),
  words(of("BLMOVE"), key, key, end, end, timeout),
  words(of("HSET"), key, value, value),
  words(of("HSET"), key, value, value, value, value),
  words(fc.constantFrom("HGET", "HDEL"), key, value),
  words(of("HMGET"), key, value, value),
  words(of("XADD"), key, id, value, value),
  words(of("XADD"), key, of("MAXLEN"), fc.constantFrom("0", "2", "=", "x"), id, value, value),
  words(of("XRANGE"), key, rangeId, rangeId),
  words(of("XRANGE"), key, rangeId, rangeId, of("COUNT"), fc.constantFrom("0", "1", "2")),
  words(of("XREAD"), of("COUNT"), fc.constantFrom("0", "2"), of("STREAMS"), key, fc.constantFrom("0", "$", "3-1")),
  words(of("XREAD"), of("STREAMS"), key, key, fc.constantFrom("0", "$"), fc.constantFrom("0", "x")),
  words(fc.constantFrom("MULTI", "EXEC", "DISCARD", "PING", "NOSUCH", "GET", "CLIENT", "SELECT")),
  words(fc.constantFrom("PING", "NOSUCH", "SELECT"), value),
);

const servers = ["redis-server", "embedded"] as const;

describe("answers on the wire", { skip: withoutRedisServer() }, () => {
  let running: TestRedis[];
  before(async () => {
    running = await Promise.all(servers.map(startTestRedis));
  });
  after(() => Promise.all(running.map((server) => server.close())));

  for (const protocol of [2, 3] as const)
    it(`are the same for random pipelines (RESP${protocol})`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 40 }), async (requests) => {
          const [real, own] = await Promise.all(running.map((server) => answersOf(server, protocol, requests)));
          assert.equal(own, real, JSON.stringify(requests));
        }),
        { numRuns: 200 },
      );
    });

  async function answersOf(server: TestRedis, protocol: 2 | 3, requests: string[][]): Promise<string> {
    const client = await RawClient.loggedIn(server.url, protocol);
    try {
      await client.ask([["DEL", "a", "b", "c"]]);
      return await client.ask([...requests, ["DISCARD"]]);
    } finally {
      client.close();
    }
  }
});
