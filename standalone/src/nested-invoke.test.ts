/** Actions that wait for actions, on a host that has CPU for one of them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startTestStandalone, type TestStandalone } from "./standalone.kit.js";

let server: TestStandalone;
before(async () => {
  server = await startTestStandalone(["standalone.cpuCores=1"]);
  const calling = (name: string) =>
    `const openwhisk = require('openwhisk');
     const main = (p) => openwhisk().actions.invoke({ name: '${name}', blocking: true, result: true, params: { n: p.n + 1 } });`;
  const actions: [string, string][] = [
    ["inner", "const main = (p) => ({ n: p.n + 1 })"],
    ["middle", calling("inner")],
    ["outer", calling("middle")],
  ];
  for (const [name, code] of actions)
    await server.request(`actions/${name}`, {
      method: "PUT",
      body: {
        exec: { kind: "nodejs:20", code },
        limits: { memory: 128, timeout: 20_000 },
        annotations: [{ key: "provide-api-key", value: true }],
      },
    });
});
after(() => server.close());

const invoke = (name: string) => server.request(`actions/${name}?blocking=true&result=true`, { method: "POST", body: { n: 0 } });

test("three actions of a core each, one within the other, on one core", async () => {
  assert.deepEqual((await invoke("outer")).body, { n: 3 });
});

test("what was lent is given back: the next ones run as the first did", async () => {
  for (const name of ["inner", "outer", "middle"]) assert.equal((await invoke(name)).status, 200, name);
});

test("an action that waits for no other waits in line as before", async () => {
  const answers = await Promise.all([invoke("inner"), invoke("inner"), invoke("inner")]);
  assert.deepEqual(
    answers.map((a) => a.body),
    [{ n: 1 }, { n: 1 }, { n: 1 }],
  );
});
