import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, it } from "node:test";
import { HandClock } from "@openwhisk-harvest/testkit";
import { basicOf } from "./key-verifier.js";
import { openWhiskKeyVerifier, UNKNOWN_IN_FLIGHT, UNKNOWN_WAITING } from "./openwhisk-key-verifier.js";

const BASIC = Buffer.from("uuid:key").toString("base64");

describe("the key verifier for OpenWhisk", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  async function setUp(answer: RequestListener) {
    const asked: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
      answer(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    closers.push(() => {
      server.close();
      server.closeAllConnections();
    });
    const clock = new HandClock();
    return {
      asked,
      clock,
      verifier: openWhiskKeyVerifier({ apihost: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, clock }),
    };
  }
  const answering =
    (status: number, body: string): RequestListener =>
    (_request, response) => {
      response.writeHead(status, { "content-type": "application/json" }).end(body);
    };

  it("asks as OpenWhisk's own clients do, once a minute", async () => {
    const { asked, clock, verifier } = await setUp(answering(200, '["guest","team"]'));
    assert.deepEqual(await Promise.all([verifier.verify(BASIC), verifier.verify(BASIC)]), Array(2).fill(["guest", "team"]));
    await clock.advance(60_000);
    await verifier.verify(BASIC);
    assert.deepEqual(asked, [`GET /api/v1/namespaces Basic ${BASIC}`]);
    await clock.advance(1);
    await verifier.verify(BASIC);
    assert.equal(asked.length, 2);
  });

  it("believes a refusal for five seconds only", async () => {
    const { asked, clock, verifier } = await setUp(answering(401, "{}"));
    assert.deepEqual(await verifier.verify(BASIC), []);
    await clock.advance(5_000);
    assert.deepEqual(await verifier.verify(BASIC), []);
    assert.equal(asked.length, 1);
    await clock.advance(1);
    await verifier.verify(BASIC);
    assert.equal(asked.length, 2);
  });

  it("cannot tell when OpenWhisk fails, answers nonsense or is not there, and remembers none of it", async () => {
    for (const answer of [answering(503, "[]"), answering(200, "<html>"), answering(200, '{"a":1}'), answering(302, "[]")]) {
      const { asked, verifier } = await setUp(answer);
      for (let i = 0; i < 2; i++) await assert.rejects(verifier.verify(BASIC), { code: "OWH_STORE_UNAVAILABLE" });
      assert.equal(asked.length, 2);
    }
    await assert.rejects(openWhiskKeyVerifier({ apihost: "http://127.0.0.1:1" }).verify(BASIC), { code: "OWH_STORE_UNAVAILABLE" });
  });

  it("has a bounded number of questions about wrong keys in flight, and asks about a right one beside them", async () => {
    const held: (() => void)[] = [];
    let [inFlight, mostInFlight] = [0, 0];
    const { asked, clock, verifier } = await setUp((request, response) => {
      if (request.headers.authorization === `Basic ${BASIC}`) return void answering(200, '["guest"]')(request, response);
      mostInFlight = Math.max(mostInFlight, ++inFlight);
      held.push(() => {
        inFlight--;
        answering(401, "{}")(request, response);
      });
    });
    assert.deepEqual(await verifier.verify(BASIC), ["guest"]);
    await clock.advance(60_001);
    const many = UNKNOWN_IN_FLIGHT + UNKNOWN_WAITING + 100;
    const wrong = Promise.allSettled(Array.from({ length: many }, (_, n) => verifier.verify(Buffer.from(`wrong:${n}`).toString("base64"))));
    assert.deepEqual(await verifier.verify(BASIC), ["guest"], "a key that was right the last time waits for none of them");
    let answered = false;
    void wrong.then(() => {
      answered = true;
    });
    while (!answered) {
      held.shift()?.();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    assert.ok(mostInFlight <= UNKNOWN_IN_FLIGHT, `${mostInFlight}`);
    const refused = (await wrong).filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
    assert.equal(refused.length, 100);
    assert.ok(refused.every(({ reason }) => reason.code === "OWH_STORE_UNAVAILABLE"));
    assert.equal(asked.length, 2 + many - 100);
  });

  it("forgets no right key for any number of wrong ones", async () => {
    const { asked, verifier } = await setUp((request, response) => {
      const isRight = request.headers.authorization === `Basic ${BASIC}`;
      answering(isRight ? 200 : 401, isRight ? '["guest"]' : "{}")(request, response);
    });
    await verifier.verify(BASIC);
    for (let from = 0; from < 10_500; from += 250)
      await Promise.all(Array.from({ length: 250 }, (_, n) => verifier.verify(Buffer.from(`wrong:${from + n}`).toString("base64"))));
    const before = asked.length;
    await verifier.verify(BASIC);
    assert.equal(asked.length, before);
  });

  it("never tells the key in an error", async () => {
    const { verifier } = await setUp(answering(503, "[]"));
    await assert.rejects(verifier.verify(BASIC), (error: Error) => !`${error.stack}${error.cause}`.includes(BASIC));
  });
});

describe("basicOf", () => {
  it("reads the scheme Basic, in any case, and nothing else", () => {
    assert.equal(basicOf(`Basic ${BASIC}`), BASIC);
    assert.equal(basicOf(`basic ${BASIC}`), BASIC);
    for (const header of [undefined, "", "Basic", "Basic ", "Basic a b", "Bearer abcd", `Basic ${"A".repeat(513)}`, "Basic ab\n"])
      assert.equal(basicOf(header), undefined, String(header));
  });
});
