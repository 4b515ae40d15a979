/** The doctor against the embedded OpenWhisk, against scripted answers, and against environments as operators have them. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { loadConfig } from "@openwhisk-harvest/core";
import { invokerSettings } from "@openwhisk-harvest/docker";
import { startStack } from "@openwhisk-harvest/laptop";
import { pino } from "pino";

import { examine } from "./checks.js";
import { collectFacts, environmentOf, settingsWith } from "./collect.js";
import type { ClusterFacts, Finding } from "./facts.js";

const NOTHING: ClusterFacts = { topicPrefix: "", nodeAgents: [], controllers: [], invokers: [] };
const levels = (findings: readonly Finding[]) => Object.fromEntries(findings.map(({ check, level }) => [check, level]));

const CONTROLLER = `CONFIG_whisk_spi_LoadBalancerProvider=org.apache.openwhisk.core.loadBalancer.ShardingContainerPoolBalancer
CONFIG_whisk_kafka_topics_prefix=
`;
const INVOKER = `# as docker inspect tells it
CONFIG_whisk_spi_InvokerProvider=org.apache.openwhisk.core.invoker.InvokerReactive
CONFIG_whisk_containerPool_userCpus=4
CONFIG_whisk_containerFactory_containerArgs_extraEnvVars_0=__OW_ALLOW_CONCURRENT=false
CONFIG_whisk_containerFactory_containerArgs_extraArgs_volume_0=/opt/harvest:/harvest:ro
CONFIG_whisk_containerFactory_containerArgs_extraEnvVars_1=NODE_OPTIONS=--require=/harvest/nodejs.cjs
CONFIG_whisk_containerFactory_containerArgs_extraEnvVars_2=OW_COMPILER=/harvest/compile
`;

describe("doctor, by environments", () => {
  const judge = (controller: string, invoker: string) =>
    levels(examine({ ...NOTHING, controllers: [environmentOf("c0", controller)], invokers: [environmentOf("i0", invoker)] }));

  it("finds nothing to change where all is set", () => {
    assert.deepEqual(judge(CONTROLLER, INVOKER), {
      "load balancer of c0": "good",
      "kind of i0": "good",
      "CPU limits of i0": "good",
      "agents of i0": "good",
      "logs of i0": "good",
      "topic prefixes": "good",
    });
  });

  it("takes an empty setting for an absent one, whose default is the scheduler", () => {
    assert.equal(judge("CONFIG_whisk_spi_LoadBalancerProvider=\n", INVOKER)["load balancer of c0"], "note");
    assert.equal(judge(CONTROLLER, "")["kind of i0"], "note");
  });

  it("says which CPU limit, agent and log setting is missing", () => {
    const without = (name: string) => INVOKER.replace(new RegExp(`.*${name}.*\n`), "");
    assert.equal(judge(CONTROLLER, without("userCpus"))["CPU limits of i0"], "bad");
    for (const name of ["volume_0", "NODE_OPTIONS", "OW_COMPILER"])
      assert.equal(judge(CONTROLLER, without(name))["agents of i0"], "bad", name);
    assert.equal(judge(CONTROLLER, INVOKER.replace("/harvest:ro", "/harvest"))["agents of i0"], "bad", "writable by user code");
    assert.equal(judge(CONTROLLER, `${INVOKER}CONFIG_whisk_logLimit_max=0 m\n`)["log limit of i0"], "bad");
    assert.equal(judge(CONTROLLER, `${INVOKER}CONFIG_whisk_concurrencyLimit_max=5\n`)["concurrency of i0"], "note");
    assert.equal(judge(CONTROLLER, `${INVOKER}CONFIG_whisk_spi_LogStoreProvider=org.example.Splunk\n`)["logs of i0"], "note");
  });

  it("says which setting is missing for runs that share a container", () => {
    const shared = `${INVOKER}CONFIG_whisk_concurrencyLimit_max=200\n`;
    const foundOf = (invoker: string) =>
      examine({ ...NOTHING, invokers: [environmentOf("i0", invoker)] }).find(({ check }) => check === "concurrency of i0");
    assert.match(foundOf(shared)?.change ?? "", /__OW_ALLOW_CONCURRENT=true/);
    assert.match(foundOf(shared.replace("CONCURRENT=false", "CONCURRENT=true"))?.found ?? "", /conductors wait in one/);
    assert.equal(foundOf(INVOKER), undefined);
  });

  it("says in which way conductors will wait", () => {
    const waits = (value: unknown) => examine({ ...NOTHING, limits: { value } }).find(({ check }) => check === "waits of conductors");
    assert.deepEqual(waits({ maxActionConcurrency: 500 }), {
      check: "waits of conductors",
      level: "good",
      found: "in a waiting action, up to 200 in a container",
    });
    assert.match(waits({ maxActionConcurrency: 1 })?.found ?? "", /^in turns, .*lets 1 run have a container at a time$/);
  });

  it("is content with the settings that the docker room gives an invoker", () => {
    const settings = Object.entries(invokerSettings("/opt/harvest", "10.0.0.1:3237")).map(([name, value]) => `${name}=${value}`);
    assert.equal(judge(CONTROLLER, settings.join("\n"))["agents of i0"], "good");
  });

  it("sees prefixes that differ, on purpose or not", () => {
    const found = judge(CONTROLLER, `${INVOKER}CONFIG_whisk_kafka_topics_prefix=real-\n`);
    assert.equal(found["topic prefixes"], "note");
    const two = examine({
      ...NOTHING,
      invokers: [environmentOf("i0", INVOKER), environmentOf("i1", "CONFIG_whisk_kafka_topics_prefix=x")],
    });
    assert.equal(levels(two)["topic prefix of invokers"], "bad");
    assert.equal(judge("CONFIG_whisk_kafka_topics_prefix=p\n", INVOKER)["event prefix of c0"], "note");
  });
});

describe("doctor, by topics", () => {
  const judge = (topics: string[], topicPrefix = "") => levels(examine({ ...NOTHING, topicPrefix, topics: { value: topics } }))["topics"];

  it("tells a classic cluster from one on the scheduler, and from none", () => {
    assert.equal(judge(["invoker0", "completed0", "health", "cacheInvalidation"]), "good");
    assert.equal(judge(["invoker0", "completed0", "scheduler0"]), "note");
    assert.equal(judge(["p-invoker0", "p-completed0"], "p-"), "good");
    assert.equal(judge(["p-invoker0", "p-completed0"]), "bad");
  });
});

describe("doctor, over HTTP", () => {
  const folder = mkdtempSync(join(tmpdir(), "harvest-doctor-"));
  const servers: Server[] = [];
  after(() => {
    for (const server of servers) server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const scripted = async (answers: Record<string, [status: number, body: unknown]>) => {
    const asked: string[] = [];
    const server = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`);
      const [status, body] = answers[request.url ?? ""] ?? [404, {}];
      response.writeHead(status).end(JSON.stringify(body));
    });
    servers.push(server);
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
  };
  const doctor = (flags: string[]) => loadConfig({ flags: flags.map((flag) => `doctor.${flag}`) }).doctor;

  it("finds the small limits, the missing package and the silent node agent of a cluster", async () => {
    const limits = { actions_per_minute: 60, concurrent_actions: 30, sequence_length: 50, max_action_logs: 0 };
    const { url, asked } = await scripted({
      "/": [200, { limits, runtimes: { java: [{ kind: "java:8" }] } }],
      "/api/v1/namespaces": [200, ["guest"]],
      "/api/v1/namespaces/_/limits": [200, { maxActionConcurrency: 1 }],
      "/healthz": [200, { ok: true }],
    });
    const agents = `nodeAgents=${new URL(url).host},127.0.0.1:1`;
    const facts = await collectFacts(doctor([`controllerUrl=${url}`, "auth=a:b", agents]));
    assert.deepEqual(levels(examine(facts)), {
      runtimes: "bad",
      "invocations per minute": "note",
      "concurrent invocations": "good",
      "sequence length": "good",
      "log limit": "bad",
      key: "good",
      "waits of conductors": "good",
      "whisk.system packages": "bad",
      [`node agent ${new URL(url).host}`]: "good",
      "node agent 127.0.0.1:1": "bad",
    });
    assert.ok(
      asked.every((line) => line.startsWith("GET ")),
      "it reads only",
    );
  });

  it("says what it could not ask", async () => {
    const { url } = await scripted({ "/": [500, {}], "/api/v1/namespaces": [401, {}] });
    const found = levels(examine(await collectFacts(doctor([`controllerUrl=${url}`, "auth=a:b"]))));
    assert.equal(found["controller"], "bad");
    assert.equal(found["key"], "bad");
    const unreachable = levels(examine(await collectFacts(doctor(["controllerUrl=http://127.0.0.1:1"]))));
    assert.deepEqual(unreachable, { controller: "bad" });
  });

  it("says that Kafka does not answer", async () => {
    const facts = await collectFacts(doctor(["kafka=127.0.0.1:1", "timeoutMs=500"]));
    assert.deepEqual(levels(examine(facts)), { Kafka: "bad" });
  });

  it("refuses to examine nothing, or a file that is not there", async () => {
    await assert.rejects(collectFacts(doctor([])), { code: "OWH_BAD_CONFIG" });
    await assert.rejects(collectFacts(doctor([`invokers=${join(folder, "nowhere")}`])), { code: "OWH_BAD_CONFIG" });
    writeFileSync(join(folder, "invoker.env"), INVOKER);
    const { invokers } = await collectFacts(doctor([`invokers=${join(folder, "invoker.env")}`]));
    assert.equal(invokers[0]?.name, "invoker.env");
  });

  it("finds the embedded OpenWhisk fit", async () => {
    const config = loadConfig({ flags: [`dataDir=${folder}/stack`, "standalone.port=0", "sidecar.port=0"] });
    const stack = await startStack({ config, logger: pino({ level: "silent" }) });
    try {
      const { apihost, auth } = stack.standalone;
      const found = examine(await collectFacts(doctor([`controllerUrl=${apihost}`, `auth=${auth}`])));
      assert.deepEqual(
        found.filter(({ level }) => level !== "good"),
        [],
      );
      assert.ok(found.length >= 6);
    } finally {
      await stack.close();
    }
  });
});

describe("doctor, on the OpenWhisk that verbs use", () => {
  const addresses = { apihost: { value: "https://used", from: "a" }, auth: { value: "used:key", from: "a" } };
  const settings = (...flags: string[]) => settingsWith(loadConfig({ flags }).doctor, addresses);

  it("asks it with its key where the doctor names no controller", () => {
    const { controllerUrl, auth } = settings();
    assert.deepEqual([controllerUrl, auth], ["https://used", "used:key"]);
    assert.equal(settings("doctor.auth=own:key").auth, "own:key");
  });

  it("shows the key to no other controller", () => {
    const { controllerUrl, auth } = settings("doctor.controllerUrl=https://other");
    assert.deepEqual([controllerUrl, auth], ["https://other", undefined]);
    const missing = { apihost: { missing: "none" }, auth: { missing: "none" } };
    assert.equal(settingsWith(loadConfig().doctor, missing).controllerUrl, undefined);
  });
});
