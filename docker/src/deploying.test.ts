/** compose.yaml, the Dockerfile and setup.sh against one another, our configuration, and, for the node agent's rights, a real engine. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { limitsOfProcess } from "@openwhisk-harvest/cgroup";
import { configOptions, signingKeyOf } from "@openwhisk-harvest/core";
import { eventually, newId } from "@openwhisk-harvest/testkit";
import { AGENTS_IMAGE } from "@openwhisk-harvest/testkit/docker";
import type Docker from "dockerode";
import { parse } from "yaml";
import { invokerSettings } from "./install.js";
import { openStand, type Stand } from "./stand.kit.js";

interface Service {
  readonly image: string;
  readonly build?: { readonly dockerfile: string; readonly target: string };
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly depends_on?: readonly string[];
  readonly ports?: readonly string[];
  readonly network_mode?: string;
  readonly pid?: string;
  readonly cgroup?: string;
  readonly cap_drop?: string[];
  readonly cap_add?: string[];
  readonly security_opt?: string[];
}

const REPOSITORY = join(import.meta.dirname, "../..");
const ROOM = join(REPOSITORY, "docker");
const compose = parse(readFileSync(join(ROOM, "compose.yaml"), "utf8")) as {
  services: Record<string, Service>;
  volumes: object;
  secrets: object;
};
const services = Object.entries(compose.services);

describe("compose.yaml", () => {
  it("sets only options that there are", () => {
    const known = new Set(configOptions().map(({ environment }) => environment));
    for (const [name, { environment = {} }] of services)
      for (const variable of Object.keys(environment))
        if (variable.startsWith("HARVEST_")) assert.ok(known.has(variable), `${name}: no option has the variable ${variable}`);
  });

  it("names only volumes, secrets, services and build targets that there are", () => {
    const dockerfile = readFileSync(join(ROOM, "images/Dockerfile"), "utf8");
    for (const [name, { volumes = [], secrets = [], depends_on = [], build }] of services) {
      for (const volume of volumes.map((text) => text.split(":")[0] ?? ""))
        assert.ok(volume.startsWith("/") || volume in compose.volumes, `${name}: volume ${volume}`);
      for (const secret of secrets) assert.ok(secret in compose.secrets, `${name}: secret ${secret}`);
      for (const other of depends_on) assert.ok(other in compose.services, `${name} depends on ${other}`);
      if (build) assert.match(dockerfile, new RegExp(`^FROM base AS ${build.target}$`, "m"));
      if (build) assert.ok(existsSync(join(REPOSITORY, build.dockerfile)));
    }
  });

  it("publishes nothing on all addresses", () => {
    for (const [name, { ports = [] }] of services)
      for (const port of ports) assert.match(port, /^(127\.0\.0\.1|\$\{HARVEST_BIND(:\?[^}]+)?\}):\d+:\d+$/, name);
  });

  it("starts programs that there are", () => {
    const dockerfile = readFileSync(join(ROOM, "images/Dockerfile"), "utf8");
    const programs = [...dockerfile.matchAll(/^ENTRYPOINT \["node", "([^"]+)"/gm)].map(([, path = ""]) => path);
    assert.equal(programs.length, 3);
    for (const program of programs) assert.ok(existsSync(join(REPOSITORY, program)), program);
  });
});

describe("docs/beside-your-cluster.md", () => {
  const page = readFileSync(join(REPOSITORY, "docs/beside-your-cluster.md"), "utf8");

  it("tells the invoker's settings as they are", () => {
    for (const [variable, value] of Object.entries(invokerSettings("/opt/harvest"))) {
      const row = page.split("\n").find((line) => line.startsWith(`| \`${variable}\``));
      assert.ok(row?.includes(`\`${value}\``), `${variable}: ${row}`);
    }
  });

  it("names only options that there are", () => {
    const paths = configOptions().map(({ path }) => path);
    const named = [...page.matchAll(/`((?:nodeAgent|sidecar|redis|couchdb|signing|doctor|shim|grid|sampling)\.[A-Za-z*.]+)`/g)].map(
      ([, path = ""]) => path,
    );
    assert.ok(named.length > 10);
    for (const path of named)
      assert.ok(
        paths.some((one) => one === path || (path.endsWith(".*") && one.startsWith(path.slice(0, -1)))),
        path,
      );
  });
});

describe("setup.sh", () => {
  const folder = mkdtempSync(join(tmpdir(), "owh-setup-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("makes secrets that are taken, once", () => {
    cpSync(join(ROOM, "setup.sh"), join(folder, "setup.sh"));
    execFileSync("sh", [join(folder, "setup.sh")]);
    const secret = readFileSync(join(folder, "secrets/signing"), "utf8");
    assert.ok(signingKeyOf(secret));
    const users = readFileSync(join(folder, "secrets/redis-users.acl"), "utf8");
    execFileSync("sh", [join(folder, "setup.sh")]);
    assert.equal(readFileSync(join(folder, "secrets/signing"), "utf8"), secret);
    assert.equal(readFileSync(join(folder, "secrets/redis-users.acl"), "utf8"), users);
  });

  it("gives conductors the rights that the embedded Redis gives them", () => {
    const source = readFileSync(join(REPOSITORY, "lib/stores/src/redis-process/composer-acl.ts"), "utf8");
    const listed = (name: string) =>
      [...(source.split(`${name} = [`)[1]?.split("]")[0] ?? "").matchAll(/"(\w+)"/g)].map(([, word]) => word);
    const rules = [...listed("COMPOSER_COMMANDS"), ...listed("COMPOSER_CLIENT_SUBCOMMANDS").map((word) => `client|${word}`)];
    assert.ok(rules.length > 10);
    const line = readFileSync(join(ROOM, "setup.sh"), "utf8")
      .split("\n")
      .find((text) => text.startsWith("user composer"));
    assert.equal(line?.split(" -@all ")[1], rules.map((rule) => `+${rule}`).join(" "));
  });
});

const found = await openStand();

describe("the node agent in a container", { skip: typeof found === "string" ? found : false }, () => {
  const stand = found as Stand;

  it("has the rights that it needs by compose.yaml, and no more", async () => {
    const service = compose.services["node-agent"] as Service;
    const { engine, gateway, socketPath } = stand.test;
    const { nodeAgent } = stand.config();
    const port = 20_000 + (process.pid % 20_000);
    const settings = {
      ...{ HARVEST_REDIS_URL: stand.redis.url, HARVEST_DATA_DIR: "/tmp", HARVEST_NODE_AGENT_HOST: gateway },
      ...{ HARVEST_NODE_AGENT_PORT: port, HARVEST_NODE_AGENT_CONTAINER_PREFIX: nodeAgent.containerPrefix },
      ...{ HARVEST_NODE_AGENT_CPU_CORES: 4, HARVEST_GRID_CPU_CORES_MIN: 0.25, HARVEST_GRID_CPU_CORES_MAX: 4 },
      HARVEST_GRID_CPU_CORES_STEP: 0.25,
    };
    // Dockerode's types do not know CgroupnsMode.
    const HostConfig: Docker.HostConfig & { CgroupnsMode: string } = {
      Binds: [`${REPOSITORY}:${REPOSITORY}:ro`, `${socketPath}:/var/run/docker.sock`, "/sys/fs/cgroup:/sys/fs/cgroup:rw"],
      NetworkMode: service.network_mode ?? "",
      PidMode: service.pid ?? "",
      CgroupnsMode: service.cgroup ?? "",
      CapDrop: service.cap_drop ?? [],
      CapAdd: service.cap_add ?? [],
      SecurityOpt: service.security_opt ?? [],
    };
    const agent = await engine.createContainer({
      name: `node-agent-${process.pid}`,
      Image: AGENTS_IMAGE,
      Cmd: ["node", `${REPOSITORY}/docker/bin/harvest-node-agent.js`],
      Env: Object.entries(settings).map(([name, value]) => `${name}=${value}`),
      HostConfig,
    });
    try {
      await agent.start();
      const logs = async () => (await agent.logs({ stdout: true, stderr: true })).toString("utf8");
      await eventually(async () => {
        assert.ok((await agent.inspect()).State.Running, await logs());
        return (await logs()).includes(`http://${gateway}:${port}`);
      }, "the node agent listens");
      const code = "async function main() { await new Promise((resolve) => setTimeout(resolve, 400)); return {}; }";
      const container = await stand.container({ name: "held", code, cpuCores: 1, nodeAgent: `${gateway}:${port}` });
      const running = container.run(newId(), { $harvest: await stand.publish({ cpuCores: 0.5 }) });
      await eventually(() => limitsOfProcess(container.pid).cpuCores === 0.5, "the allocation is in force", 5_000);
      await running;
      await eventually(() => limitsOfProcess(container.pid).cpuCores === 1, "the user allocation is back", 5_000);
    } finally {
      await agent.remove({ force: true });
    }
  });
});

after(async () => {
  if (typeof found !== "string") await found.close();
});
