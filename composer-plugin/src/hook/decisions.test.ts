/** At its start a root run asks the sidecar; at a fork it stamps, or does not; and whatever the sidecar does, the composition goes on. */
import assert from "node:assert/strict";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { inputBytesOf } from "@openwhisk-harvest/core";
import { withoutRedisServer } from "@openwhisk-harvest/testkit/redis";
import { c, hookedConductor } from "../conductors.kit.js";
import { API_KEY, type Json, TestOpenWhisk } from "../openwhisk.kit.js";
import { RedisServer } from "../redis.kit.js";
import type { HookConfig } from "./config.js";

const options = { skip: withoutRedisServer() };
const redis = new RedisServer();
before(async () => {
  if (!options.skip) await redis.start();
});
/** Of the sidecars of all tests, so that one that fails leaves nothing that listens. */
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops) await stop();
  await redis.stop();
});

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly authorization: string;
  readonly body: Json;
}
type Answer = (asked: Asked, response: ServerResponse) => void;

async function sidecar(answer: Answer): Promise<{ url: string; asked: Asked[]; stop: () => Promise<void> }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (part: Buffer) => {
      text += part.toString();
    });
    request.on("end", () => {
      const { method = "", url: path = "", headers } = request;
      const one = { method, path, authorization: headers.authorization ?? "", body: (text ? JSON.parse(text) : {}) as Json };
      asked.push(one);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections();
      server.close(() => resolve());
    });
  stops.push(stop);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, stop };
}

const rootOf = ({ body, path }: Asked): unknown => body["root"] ?? path.split("/").at(-1);

/** Answers with a decision about the asked root. */
const decides =
  (decision: (root: unknown) => Json): Answer =>
  (asked, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(decision(rootOf(asked))));
  };

const stage = (forkPath: string, cpu: boolean, memory = false) => ({ forkPath, cpu: { accepted: cpu }, memory: { accepted: memory } });
const accepted = (forkPath: string) => (root: unknown) => ({ id: "decision-1", root, published: true, stages: [stage(forkPath, true)] });

const FORK_FIRST = () => c.sequence(c.parallel("b", "c"), "d");
const FORK_LATER = () => c.sequence("a", c.parallel("b", "c"), "d");

async function run(
  composition: ReturnType<typeof FORK_FIRST>,
  config: Partial<HookConfig>,
  params: Json = {},
): Promise<{ stamps: unknown[]; result: unknown; tookMs: number; whisk: TestOpenWhisk }> {
  const whisk = new TestOpenWhisk();
  for (const name of ["a", "b", "c", "d"]) whisk.component(name, (given) => given);
  await whisk.start();
  whisk.conductor("test", await hookedConductor(composition, { redisUrl: redis.url, ...config }));
  await whisk.run("test", params); // the first run loads modules and connects; the measured one does not
  whisk.runs.length = 0;
  const startedMs = performance.now();
  const result = await whisk.run("test", params);
  const tookMs = performance.now() - startedMs;
  await whisk.stop();
  return { stamps: whisk.runs.map(({ action, harvest }) => [action, (harvest as Json)["d"]]).sort(), result, tookMs, whisk };
}

const STAMPED = [
  ["b", "decision-1"],
  ["c", "decision-1"],
  ["d", undefined],
];
const UNSTAMPED = STAMPED.map(([action]) => [action, undefined]);

test("Verifies that the branches of a published stage, and only they, bear the decision's id", options, async () => {
  const server = await sidecar(decides(accepted("[0]")));
  const { stamps } = await run(FORK_FIRST(), { sidecarUrl: server.url }, { n: "value" });
  assert.deepEqual(stamps, STAMPED);
  const [post] = server.asked;
  assert.deepEqual(post, {
    method: "POST",
    path: "/v1/decisions",
    authorization: `Basic ${Buffer.from(API_KEY).toString("base64")}`,
    body: { v: 1, namespace: "guest", dag: "test", root: post?.body["root"], inputBytes: inputBytesOf({ n: "value" }) },
  });
  assert.ok(
    server.asked.every(({ method }) => method === "POST"),
    "the answer to the first question serves the fork that follows at once",
  );
  await server.stop();
});

test("Verifies that a fork in a later activation finds the decision, in the same container or another", options, async () => {
  const server = await sidecar(decides(accepted("[1]")));
  const { stamps } = await run(FORK_LATER(), { sidecarUrl: server.url });
  assert.deepEqual(stamps, [["a", undefined], ...STAMPED]);
  await server.stop();
});

test("Verifies that a nested fork asks for itself, and that its branches bear its own stamp or none", options, async () => {
  const server = await sidecar(decides(accepted("[0][1]")));
  const { stamps } = await run(c.parallel(c.sequence("a", c.parallel("b", "c")), "d"), { sidecarUrl: server.url });
  assert.deepEqual(stamps, [["a", undefined], ...STAMPED]);
  assert.ok(server.asked.some(({ method, path }) => method === "GET" && /^\/v1\/decisions\/[0-9a-f]{32}$/.test(path)));
  await server.stop();
});

const REFUSALS: [string, (root: unknown) => unknown][] = [
  ["not published", (root) => ({ ...accepted("[0]")(root), published: false })],
  ["about another stage", accepted("[1]")],
  ["with no accepted verdict", (root) => ({ ...accepted("[0]")(root), stages: [stage("[0]", false)] })],
  ["about another root", () => accepted("[0]")("f".repeat(32))],
  ["without an id", (root) => ({ ...accepted("[0]")(root), id: undefined })],
  ["with an id that is no id", (root) => ({ ...accepted("[0]")(root), id: "a b\n" })],
  ["with stages that are none", (root) => ({ ...accepted("[0]")(root), stages: { 0: 1 } })],
  ["that is a number", () => 5],
];
for (const [name, decision] of REFUSALS)
  test(`Verifies that a decision ${name} stamps nothing`, options, async () => {
    const server = await sidecar(decides(decision as (root: unknown) => Json));
    assert.deepEqual((await run(FORK_FIRST(), { sidecarUrl: server.url })).stamps, UNSTAMPED);
    await server.stop();
  });

test("Verifies that a map asks at its fork, once, with the size of every item, and stamps its items with the answer", options, async () => {
  const server = await sidecar(decides((root) => ({ id: "decision-2", root, published: true, stages: [stage("[1]", true)] })));
  const map = () => c.sequence("a", c.map("b"), "d");
  const items = [{ n: 1 }, { text: "longer" }, 7];
  const { stamps } = await run(map(), { sidecarUrl: server.url, forks: ["[1]"], maps: ["[1]"] }, { value: items });
  assert.deepEqual(stamps, [
    ["a", undefined],
    ["b", "decision-2"],
    ["b", "decision-2"],
    ["b", "decision-2"],
    ["d", undefined],
  ]);
  const forks = server.asked.filter(({ body }) => "fork" in body);
  const itemBytes = [{ n: 1 }, { text: "longer" }, { value: 7 }].map(inputBytesOf);
  assert.equal(forks.length, 2, "the run before the measured one asked, too");
  for (const { method, body } of forks) {
    assert.equal(method, "POST");
    assert.deepEqual(body["fork"], { forkPath: "[1]", trail: "", forkNo: 0, itemBytes });
    assert.equal(
      body["inputBytes"],
      itemBytes.reduce((sum, bytes) => sum + bytes, 0),
    );
  }
  await server.stop();
});

test("Verifies that an accepted verdict on memory alone stamps too", options, async () => {
  const server = await sidecar(decides((root) => ({ ...accepted("[0]")(root), stages: [stage("[0]", false, true)] })));
  assert.deepEqual((await run(FORK_FIRST(), { sidecarUrl: server.url })).stamps, STAMPED);
  await server.stop();
});

test("Verifies that a decision is waited for as long as the deadline says, also beyond a second", options, async () => {
  const server = await sidecar((asked, response) => {
    setTimeout(() => decides(accepted("[0]"))(asked, response), 1_100);
  });
  const deadlines = { deadlineMs: 60_000, coldDeadlineMs: 60_000 };
  assert.deepEqual((await run(FORK_FIRST(), { sidecarUrl: server.url, ...deadlines })).stamps, STAMPED);
  await server.stop();
});

test("Verifies that a question that a closed connection breaks is asked once more, on a new one", options, async () => {
  const sockets = new Set<unknown>();
  const server = await sidecar((asked, response) => {
    // As a paused container finds a connection that was closed meanwhile: its second question is broken without an answer.
    if (sockets.has(response.socket)) response.socket?.destroy();
    else decides(accepted("[0]"))(asked, response);
    sockets.add(response.socket);
  });
  for (let n = 0; n < 3; n++) assert.deepEqual((await run(FORK_FIRST(), { sidecarUrl: server.url })).stamps, STAMPED);
  await server.stop();
});

const TROUBLES: [string, Answer][] = [
  ["answers 500", (_, response) => response.writeHead(500).end("{}")],
  ["answers with broken JSON", (_, response) => response.writeHead(200).end('{"id":')],
  ["breaks off", (_, response) => response.socket?.destroy()],
  ["never answers", () => undefined],
  ["sends half an answer", (_, response) => response.writeHead(200).write('{"id": "decision-1"')],
];
for (const [name, answer] of TROUBLES)
  for (const [when, composition] of [
    ["first", FORK_FIRST],
    ["later", FORK_LATER],
  ] as const)
    test(`Verifies that a sidecar that ${name} costs a fork that comes ${when} its deadline at most, and no stamp`, options, async () => {
      const server = await sidecar(answer);
      const without = await run(composition(), {});
      const { stamps, result, tookMs } = await run(composition(), { sidecarUrl: server.url, deadlineMs: 100, coldDeadlineMs: 100 });
      assert.deepEqual(result, without.result);
      assert.ok(stamps.every((stamp) => (stamp as unknown[])[1] === undefined));
      // One fork: 100 ms of waiting, and slack for a machine with other things to do. Without a deadline it would wait for the stage's time.
      assert.ok(tookMs < without.tookMs + 100 + 10_000, `took ${tookMs} ms, and ${without.tookMs} ms without a sidecar`);
      const questions = server.asked.length / 2; // of two runs
      assert.ok(questions <= 2, `${questions} questions a run: nothing is asked twice`);
      await server.stop();
    });

test("Verifies that an absent sidecar is no trouble", options, async () => {
  const server = await sidecar(() => undefined);
  await server.stop();
  for (const sidecarUrl of [server.url, "not an address"]) {
    const { stamps, result } = await run(FORK_FIRST(), { sidecarUrl });
    assert.deepEqual(stamps, UNSTAMPED);
    assert.deepEqual(result, { value: [{}, {}] });
  }
});

test("Verifies that the first run of a container waits longer than a warm one", options, async () => {
  const slow: Answer = (asked, response) => void setTimeout(() => decides(accepted("[0]"))(asked, response), 150);
  const server = await sidecar(slow);
  const whisk = new TestOpenWhisk();
  for (const name of ["b", "c", "d"]) whisk.component(name, (given) => given);
  await whisk.start();
  const config = { redisUrl: redis.url, sidecarUrl: server.url, deadlineMs: 5, coldDeadlineMs: 5_000 };
  whisk.conductor("test", await hookedConductor(FORK_FIRST(), config));
  await whisk.run("test", {});
  assert.equal(whisk.runs.filter(({ harvest }) => (harvest as Json)["d"] === "decision-1").length, 2, "cold");
  whisk.runs.length = 0;
  await whisk.run("test", {});
  assert.equal(whisk.runs.filter(({ harvest }) => (harvest as Json)["d"] !== undefined).length, 0, "warm");
  await whisk.stop();
  await server.stop();
});

test("Verifies that no run waits where the first node is no fork, and none asks at a fork that cannot be harvested", options, async () => {
  const server = await sidecar(() => undefined);
  try {
    const alone = c.sequence("a", c.parallel("b")); // a branch with no other to share with
    const { tookMs } = await run(alone, { sidecarUrl: server.url, deadlineMs: 20_000, coldDeadlineMs: 20_000 });
    assert.ok(tookMs < 20_000, `took ${tookMs} ms`);
    assert.ok(server.asked.every(({ method }) => method === "POST"));
  } finally {
    await server.stop();
  }
});
