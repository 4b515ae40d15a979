/** What is offered to clients, and end to end what runs it: processes of the host, and containers of a Docker engine. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "@openwhisk-harvest/core";
import { eventually } from "@openwhisk-harvest/testkit";
import { findEngine, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { importNodejsImage } from "./container/docker/nodejs-image.kit.js";
import { findPython } from "./container/kinds.js";
import { kindOf, runtimesOf } from "./runtimes.js";
import { startTestStandalone, type TestStandalone } from "./standalone.kit.js";

const cpu = [{ key: "cpu", value: 0.25 }];
const result = async (server: TestStandalone, name: string, body: object) =>
  (await server.request(`actions/${name}?blocking=true&result=true`, { method: "POST", body })).body;
const put = (server: TestStandalone, name: string, exec: object) =>
  server.request(`actions/${name}?overwrite=true`, { method: "PUT", body: { exec, annotations: cpu, limits: { memory: 256 } } });

describe("what is offered", () => {
  const offered = (flags: string[]) => runtimesOf(loadConfig({ flags }).standalone);

  it("with Docker: the configured images, the first of a family by default, and any image by name", () => {
    const runtimes = offered(["standalone.driver=docker", "standalone.docker.images=nodejs:20=a:1,nodejs:18=b,python:3=c"]);
    assert.equal(runtimes.blackbox, true);
    assert.deepEqual([kindOf(runtimes, "nodejs:default"), kindOf(runtimes, "python:default")], ["nodejs:20", "python:3"]);
    assert.deepEqual(
      runtimes.kinds.map(({ kind, image }) => [kind, image]),
      [
        ["nodejs:20", "a:1"],
        ["nodejs:18", "b"],
        ["python:3", "c"],
      ],
    );
    assert.equal(kindOf(offered(["standalone.driver=docker"]), "nodejs:default"), "nodejs:20");
  });

  it("refuses to keep ready what is not offered, and starts nothing then", async () => {
    for (const prewarm of ["ruby:1/256=1", "nodejs:20=1", "nodejs:20/x=1"])
      await assert.rejects(startTestStandalone([`standalone.prewarm=${prewarm}`]), { code: "OWH_BAD_CONFIG" }, prewarm);
  });
});

describe("limits that are left to node agents", () => {
  it("need containers of a Docker engine", async () => {
    await assert.rejects(startTestStandalone(["standalone.applier=node-agent"]), {
      code: "OWH_BAD_CONFIG",
      message: /standalone\.driver=docker/,
    });
  });
});

describe("processes of the host", () => {
  let server: TestStandalone;
  before(async () => {
    server = await startTestStandalone(["standalone.prewarm=nodejs:default/256=1"]);
  });
  after(() => server.close());

  it("offers nodejs, and python by its major and minor version", async () => {
    const { runtimes } = (await server.request("/")).body;
    assert.deepEqual(Object.keys(runtimes), ["nodejs", "python"]);
    const minor = findPython()?.version.split(".").slice(0, 2).join(".");
    assert.deepEqual(
      runtimes.python.map((r: { kind: string; default: boolean }) => [r.kind, r.default]),
      [
        ["python:3", true],
        [`python:${minor}`, false],
      ],
    );
  });

  it("runs an action of every family, and resolves the default kind when it is stored", async () => {
    const python = "def main(args):\n    print('seen')\n    return {'hi': args['name']}\n";
    assert.equal((await put(server, "py", { kind: "python:default", code: python })).body.exec.kind, "python:3");
    assert.deepEqual(await result(server, "py", { name: "Ada" }), { hi: "Ada" });
    assert.equal((await put(server, "js", { kind: "nodejs:default", code: "const main = (p) => p" })).body.exec.kind, "nodejs:20");
    assert.deepEqual(await result(server, "js", { name: "Ada" }), { name: "Ada" });
  });

  it("refuses kinds that are not offered, and images", async () => {
    for (const kind of ["ruby:2.5", "nodejs", "blackbox", "python:2"]) {
      const { status, body } = await put(server, "odd", { kind, image: "a/b", code: "x" });
      assert.equal(status, 400, kind);
      assert.match(body.error, new RegExp(`kind '${kind}' not in Set\\(nodejs:18, nodejs:20, python:3, `));
    }
  });
});

const IMAGE = "harvest-test/standalone:1.0";
const found = await findEngine();
const skip = typeof found === "string" ? found : false;

describe("containers of a Docker engine", { skip }, () => {
  const { engine, network, close } = found as TestEngine;
  let server: TestStandalone;
  before(async () => {
    await importNodejsImage(engine, IMAGE, {}, ["/bin/node", "/runtime.cjs"]);
    const { socketPath } = engine.modem as { socketPath?: string };
    server = await startTestStandalone([
      "standalone.driver=docker",
      ...(socketPath === undefined ? [] : [`standalone.docker.socket=${socketPath}`]),
      `standalone.docker.network=${network}`,
      `standalone.docker.images=nodejs:20=${IMAGE}`,
      "standalone.docker.apiHost=http://api.example",
      "standalone.pauseGraceMs=50",
    ]);
  });
  after(async () => {
    await server.close();
    await close();
  });

  it("serves an action over the API, again after a pause, and says what it is", async () => {
    const code = "let n = 0; const main = () => ({ n: ++n, api: process.env.__OW_API_HOST })";
    await put(server, "counted", { kind: "nodejs:default", code });
    for (const n of [1, 2]) {
      assert.deepEqual(await result(server, "counted", {}), { n, api: "http://api.example" });
      const paused = () => engine.listContainers({ filters: { status: ["paused"], network: [network] } });
      await eventually(async () => (await paused()).length > 0, "a container is paused");
    }
    assert.equal((await server.request("/")).body.runtimes.nodejs[0].image, IMAGE);
    assert.match(server.standalone.enforcement, /^cgroup-v[12]$/);
  });

  it("runs an image that the action names, with code and without; one that cannot be had is its developer's error", async () => {
    const code = "const main = ({ a }) => ({ a })";
    assert.equal((await put(server, "own", { kind: "blackbox", image: IMAGE, code })).body.exec.image, IMAGE);
    assert.deepEqual(await result(server, "own", { a: 1 }), { a: 1 });
    const bare = await put(server, "bare", { kind: "blackbox", image: "127.0.0.1:1/no/such:1.0" });
    assert.deepEqual([bare.status, "code" in bare.body.exec], [200, false]);
    assert.deepEqual(await result(server, "bare", {}), { error: "Failed to pull container image '127.0.0.1:1/no/such:1.0'." });
    for (const image of [undefined, 7, "a b", ""])
      assert.equal((await put(server, "wrong", { kind: "blackbox", image, code })).status, 400, String(image));
  });
});
