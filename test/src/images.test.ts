/** The images that run beside a cluster: built from the Dockerfile, started with what compose.yaml gives them, and asked how they are. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { KafkaBus } from "@openwhisk-harvest/bus";
import { eventually } from "@openwhisk-harvest/testkit";
import { findEngine, type TestEngine } from "@openwhisk-harvest/testkit/docker";
import { brokerMissing, freePort, startBroker } from "@openwhisk-harvest/testkit/kafka";
import { startTestRedis, type TestRedis } from "@openwhisk-harvest/testkit/redis";
import type Docker from "dockerode";
import { type BuiltImages, buildImages, IMAGES, type ImageName } from "./images.kit.js";

const found = await findEngine();

describe("images", { skip: typeof found === "string" ? found : false }, () => {
  const { engine, socketPath } = found as TestEngine;
  const agentsDir = mkdtempSync(join(tmpdir(), "hv-images-"));
  let images: BuiltImages;
  let redis: TestRedis;
  const running: Docker.Container[] = [];

  before(async () => {
    redis = await startTestRedis("embedded");
    images = await buildImages(engine);
  });
  after(async () => {
    for (const container of running) await container.remove({ force: true });
    images?.close();
    await redis?.close();
    rmSync(agentsDir, { recursive: true, force: true });
    await (found as TestEngine).close();
  });

  /** On the host's network, where Redis and Kafka are. */
  async function start(
    image: ImageName,
    settings: Readonly<Record<string, string>>,
    more: Docker.HostConfig = {},
  ): Promise<Docker.Container> {
    const container = await engine.createContainer({
      Image: images.nameOf(image),
      Env: Object.entries({ HARVEST_REDIS_URL: redis.url, HARVEST_DATA_DIR: "/data", ...settings }).map(
        ([name, value]) => `${name}=${value}`,
      ),
      HostConfig: { NetworkMode: "host", CapDrop: ["ALL"], SecurityOpt: ["no-new-privileges:true"], ...more },
    });
    running.push(container);
    await container.start();
    return container;
  }

  async function logsOf(container: Docker.Container): Promise<string> {
    return (await container.logs({ stdout: true, stderr: true })).toString("utf8");
  }

  /** Its answer at `/healthz`, as soon as it gives one. */
  async function healthOf(container: Docker.Container, urlIn: (logs: string) => string | undefined): Promise<unknown> {
    let health: unknown;
    await eventually(async () => {
      const logs = await logsOf(container);
      assert.ok((await container.inspect()).State.Running, logs);
      const url = urlIn(logs);
      const response = url === undefined ? undefined : await fetch(`${url}/healthz`).catch(() => undefined);
      if (response?.ok) health = await response.json();
      return health !== undefined;
    }, "it answers at /healthz");
    return health;
  }

  const printedUrl = (logs: string) => /http:\/\/127\.0\.0\.1:\d+/.exec(logs)?.[0];

  it("hold no test, no source and no development package", () => {
    for (const image of Object.keys(IMAGES) as ImageName[]) {
      const own = images.filesOf(image).filter((file) => !file.includes("node_modules/"));
      assert.ok(own.length > 20, image);
      assert.deepEqual(
        own.filter((file) => /\.(test|kit)\.|(^|\/)src\/|tsconfig/.test(file)),
        [],
        image,
      );
      assert.ok(!images.filesOf(image).some((file) => /node_modules\/(typescript|esbuild|fast-check|fastify)\//.test(file)), image);
    }
  });

  it("sidecar answers, as a user without rights, and keeps documents in its volume", async () => {
    const container = await start("sidecar", { HARVEST_SIDECAR_PORT: "0", HARVEST_SIDECAR_APIHOST: "http://127.0.0.1:1" });
    assert.deepEqual(await healthOf(container, printedUrl), { ok: true });
    assert.equal((await container.inspect()).Config.User, "node");
  });

  it("node-agent answers, and puts the agents' files where containers find them", async () => {
    const container = await start(
      "node-agent",
      { HARVEST_NODE_AGENT_PORT: "0", HARVEST_NODE_AGENT_AGENTS_DIR: "/opt/harvest" },
      {
        Binds: [`${socketPath}:/var/run/docker.sock`, "/sys/fs/cgroup:/sys/fs/cgroup:rw", `${agentsDir}:/opt/harvest`],
        CapAdd: ["DAC_OVERRIDE"],
        PidMode: "host",
      },
    );
    await healthOf(container, printedUrl);
    for (const file of ["nodejs.cjs", "compile"]) assert.ok(readdirSync(agentsDir).includes(file), file);
  });

  it("shim answers, and takes the charge", { skip: brokerMissing() }, async () => {
    const broker = await startBroker((address) => new KafkaBus(address));
    try {
      const port = await freePort();
      const container = await start("shim", { HARVEST_SHIM_KAFKA: broker.address, HARVEST_SHIM_PORT: String(port) });
      await eventually(async () => {
        const health = (await healthOf(container, () => `http://127.0.0.1:${port}`)) as { inCharge: boolean };
        return health.inCharge;
      }, "it is in charge");
      await container.stop({ t: 40 });
      assert.equal((await container.inspect()).State.ExitCode, 0, await logsOf(container));
    } finally {
      await broker.close();
    }
  });
});
