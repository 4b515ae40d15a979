/** Rules connections.N1 to connections.N3. */
import assert from "node:assert/strict";
import { createServer, request, type Server } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { startTestStandalone, type TestStandalone } from "../standalone.kit.js";
import { boundConnections, SERVER_OPTIONS } from "./connections.js";

let up: TestStandalone;
before(async () => {
  up = await startTestStandalone(["standalone.prewarm="]);
});
after(() => up.close());

/** What comes back until the server hangs up. */
async function answerTo(begin: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(up.standalone.apihost);
  const socket = connect(Number(port), hostname);
  socket.setEncoding("utf8");
  begin(socket);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

const HEAD = "POST /ping HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n";

test("connections.N1: a head or a body that does not come is answered with 408, and the server goes on", async () => {
  const answers = await Promise.all([
    answerTo(() => undefined),
    answerTo((socket) => socket.write("GET /ping HT")),
    answerTo((socket) => socket.write(HEAD)),
    answerTo((socket) => socket.write(`${HEAD}\r\n{"half":`)),
  ]);
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 .*did not arrive in time/s);
  assert.equal((await up.request("/ping")).status, 200);
});

test("connections.N3: no more connections are taken than the descriptors allow, and others again when there is room", async () => {
  const server: Server = createServer(SERVER_OPTIONS, (_request, response) => response.end("pong"));
  boundConnections(server, 8);
  server.listen(0, "127.0.0.1");
  await new Promise((listening) => server.once("listening", listening));
  const { port } = server.address() as AddressInfo;
  const held = Array.from({ length: 4 }, () => connect(port, "127.0.0.1"));
  const count = () => new Promise<number>((resolve) => server.getConnections((_error, connections) => resolve(connections)));
  await eventually(async () => (await count()) === 4, "four connections are held");
  const refused = connect(port, "127.0.0.1");
  await new Promise((closed) => refused.on("error", () => undefined).once("close", closed));
  held[0]?.destroy();
  await eventually(async () => (await count()) === 3, "one has gone");
  const text = await new Promise((resolve, reject) => {
    request({ port, host: "127.0.0.1", agent: false }, (response) => resolve(response.statusCode))
      .on("error", reject)
      .end();
  });
  assert.equal(text, 200);
  for (const socket of held) socket.destroy();
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

test("JSON that is nested too deep is refused with 400, wherever it comes", async () => {
  const deep = `{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
  for (const [method, path] of [
    ["POST", "actions/none?blocking=true"],
    ["PUT", "actions/none"],
    ["PUT", "triggers/none"],
    ["PUT", "packages/none"],
  ] as const) {
    const { status, body } = await up.request(path, { method, text: deep });
    assert.equal(status, 400, path);
    assert.match(body.error, /nested deeper than 1000 levels/);
  }
});

test("an action whose result is nested too deep has no valid response, and its record is there", async () => {
  const code = "const main = () => { let a = []; for (let i = 0; i < 5000; i++) a = [a]; return { a } }";
  assert.equal((await up.request("actions/deep", { method: "PUT", body: { exec: { kind: "nodejs:default", code } } })).status, 200);
  const { status, body } = await up.request("actions/deep?blocking=true", { method: "POST", body: {} });
  assert.deepEqual([status, body.response.status], [502, "action developer error"]);
  assert.equal((await up.request(`activations/${body.activationId}`)).body.response.status, "action developer error");
});
