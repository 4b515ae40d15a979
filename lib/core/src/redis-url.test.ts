import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { loadConfig } from "./config.js";
import { redisUrlMistake, SOCKET_PATH_MAX_BYTES, type UnixRedis, unixRedisOf } from "./redis-url.js";

test("a socket is read from each of its forms, with and without a user", () => {
  assert.deepEqual(unixRedisOf("unix:/run/redis.sock"), { path: "/run/redis.sock" });
  assert.deepEqual(unixRedisOf("unix:///run/redis.sock"), { path: "/run/redis.sock" });
  assert.deepEqual(unixRedisOf("unix://u:p%40q@/run/my%20redis.sock?db=2"), {
    path: "/run/my redis.sock",
    username: "u",
    password: "p@q",
    db: 2,
  });
  assert.deepEqual(unixRedisOf("unix://:p@/r"), { path: "/r", password: "p" });
});

test("other addresses are the client's to read, as ever", () => {
  for (const url of ["redis://u:p@h:1", "rediss://h", "REDIS://h", "h:6379", "6379", "/run/redis.sock", "redis://h/2?family=6"])
    assert.deepEqual([unixRedisOf(url), redisUrlMistake(url)], [undefined, undefined], url);
});

test("what is none is refused by the configuration, with the option and without the password", () => {
  const long = `unix:/${"x".repeat(SOCKET_PATH_MAX_BYTES)}`;
  for (const [url, said] of [
    ["unix:redis.sock", /absolute path/],
    ["unix:", /absolute path/],
    ["unix:/", /absolute path/],
    ["unix://host/redis.sock", /absolute path/],
    ["unix://u:secret@host/redis.sock", /absolute path/],
    ["unix:/redis.sock?x=1", /absolute path/],
    ["unix://u:secret%@/redis.sock", /escape/],
    ["http://u:secret@h", /begins with http:\/\//],
    [long, /at most 10/],
  ] as const)
    for (const option of ["redis.url", "redis.composerUrl"])
      assert.throws(
        () => loadConfig({ flags: [`${option}=${url}`] }),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "OWH_BAD_CONFIG");
          assert.match(error.message, new RegExp(`${option}: `));
          assert.match(error.message, said);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
        url,
      );
  assert.throws(() => unixRedisOf("unix:x"), { code: "OWH_BAD_CONFIG" });
});

function unixRedisUrl({ path, username = "", password = "" }: Omit<UnixRedis, "db">): string {
  const user = username === "" && password === "" ? "" : `${encodeURIComponent(username)}:${encodeURIComponent(password)}@`;
  return `unix://${user}${path.split("/").map(encodeURIComponent).join("/")}`;
}

test("what is written is read back, whatever the path and the password", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 12 });
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }).filter((word) => !word.includes("/") && !word.includes("\0"));
  fc.assert(
    fc.property(fc.array(name, { minLength: 1, maxLength: 3 }), text, text, (names, username, password) => {
      const path = `/${names.join("/")}`;
      fc.pre(Buffer.byteLength(path) <= SOCKET_PATH_MAX_BYTES);
      const given = { path, ...(username && { username }), ...(password && { password }) };
      assert.deepEqual(unixRedisOf(unixRedisUrl(given)), given);
      assert.equal(loadConfig({ flags: [`redis.url=${unixRedisUrl(given)}`] }).redis.url, unixRedisUrl(given));
    }),
  );
});
