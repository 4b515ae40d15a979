import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { startTestStandalone, type TestStandalone } from "../standalone.kit.js";

let server: TestStandalone;
before(async () => {
  server = await startTestStandalone(["standalone.prewarm="]);
});
after(() => server.close());

/** All that comes back until the server hangs up. */
async function raw(text: string): Promise<string> {
  const { hostname, port } = new URL(server.standalone.apihost);
  const socket = connect(Number(port), hostname);
  socket.setEncoding("utf8").write(text);
  let answer = "";
  for await (const chunk of socket) answer += chunk;
  return answer;
}

for (const [what, text, status, error] of [
  ["no HTTP", "nonsense\r\n\r\n", 400, "The request is not valid HTTP."],
  ["an unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 400, "The request is not valid HTTP."],
  ["too long a header", `GET / HTTP/1.1\r\nX: ${"x".repeat(50_000)}\r\n\r\n`, 431, "The request's header is larger than allowed."],
] as const)
  test(`${what} is answered with ${status}, a text and a code, and the server goes on`, async () => {
    const answer = await raw(text);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    const parsed = JSON.parse(body);
    assert.match(head, new RegExp(`^HTTP/1\\.1 ${status} `));
    assert.equal(parsed.error, error);
    assert.match(head, new RegExp(`X-Request-ID: ${parsed.code}`));
    assert.equal((await server.request("/ping")).status, 200);
  });
