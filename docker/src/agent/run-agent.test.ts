/** The nodejs agent around a run, with scripted answers of a node agent: rules run-agent.N1 to run-agent.N4. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { observationInLogs } from "@openwhisk-harvest/core";
import { type Answered, defaultGateway, nodeAgentAddress } from "./node-agent-client.js";
import type { OwnGroup } from "./own-usage.js";
import { RunAgent } from "./run-agent.js";

const ID = "b".repeat(32);
const GRANT = {
  mode: "harvest",
  decision: "d",
  enforcement: "cgroup-v2",
  allocated: { cpuCores: 1, memoryMb: 256 },
  user: { memoryMb: 256 },
};
const K = `${"0".repeat(32)}:/[0]:0`;

function setUp(answers: Record<string, Answered | undefined>, group?: Partial<OwnGroup>) {
  const asked: [path: string, body: Record<string, unknown>][] = [];
  const lines: string[] = [];
  let cpuUs = 0;
  const ownGroup: OwnGroup = {
    enforcement: "cgroup-v2",
    read: () => {
      cpuUs += 1_000;
      return { atMs: cpuUs / 100, cpuUs, throttledUs: 0, workingSetBytes: 1 << 20 };
    },
    limits: () => ({ cpuCores: 2, memoryMb: 256 }),
    ...group,
  };
  const agent = new RunAgent({
    client: {
      ask: async (path, body) => {
        asked.push([path, body as Record<string, unknown>]);
        return answers[path];
      },
    },
    group: ownGroup,
    environment: { __OW_ACTIVATION_ID: ID, __OW_DEADLINE: "1234" },
    write: (line) => void lines.push(line),
  });
  return { agent, asked, lines };
}

describe("the agent of nodejs around a run", () => {
  it("run-agent.N1: takes $harvest out and asks with its key", async () => {
    const { agent, asked } = setUp({});
    const args = { a: 1, $harvest: { k: K, d: "d", cpuCores: 9 } };
    await agent.around(args, async () => {
      assert.deepEqual(args, { a: 1 });
      return {};
    });
    assert.deepEqual(asked, [["/v1/run", { activationId: ID, k: K, d: "d", cold: true, running: 1, deadlineMs: 1234 }]]);
    for (const odd of [null, [1], "text", 5, { $harvest: 7 }]) await agent.around(odd, async () => ({}));
  });

  it("hands the node agent's line on, after the end was told and before the answer", async () => {
    const line = `XHARVEST {"activationId":"${ID}"}`;
    const { agent, asked, lines } = setUp({
      "/v1/run": { status: 200, text: JSON.stringify(GRANT) },
      "/v1/end": { status: 200, text: line },
    });
    const result = { error: "as told" };
    assert.equal(await agent.around({}, async () => result), result);
    assert.deepEqual(asked[1], ["/v1/end", { activationId: ID, outcome: "application error" }]);
    assert.deepEqual(lines, [`${line}\n`]);
  });

  it("run-agent.N2: leaves a line of its own readings when the node agent is silent, at either end", async () => {
    for (const [answers, mode] of [
      [{}, "off"],
      [{ "/v1/run": { status: 200, text: JSON.stringify(GRANT) } }, "harvest"],
      [{ "/v1/run": { status: 429, text: "{}" } }, "off"],
      [{ "/v1/run": { status: 200, text: "no json" } }, "off"],
    ] as const) {
      const { agent, lines } = setUp(answers);
      await agent.around({ $harvest: { k: K } }, async () => ({}));
      const seen = observationInLogs(lines, ID);
      assert.deepEqual([seen?.mode, seen?.k, seen?.samples, seen?.cpuMeanCores], [mode, K, 2, 0.1]);
    }
  });

  it("run-agent.N3: leaves no line for runs that overlap, and lines again afterwards", async () => {
    const { agent, lines } = setUp({});
    let release = (): void => undefined;
    const first = agent.around({}, async () => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return {};
    });
    await agent.around({}, async () => ({}));
    release();
    await first;
    assert.deepEqual(lines, []);
    await agent.around({}, async () => ({}));
    assert.equal(lines.length, 1);
  });

  it("run-agent.N3: leaves no line that would not be written whole", async () => {
    const { agent, lines } = setUp({
      "/v1/run": { status: 200, text: JSON.stringify(GRANT) },
      "/v1/end": { status: 200, text: `XHARVEST ${"x".repeat(5_000)}` },
    });
    await agent.around({}, async () => ({}));
    assert.deepEqual(lines, []);
  });

  it("run-agent.N4: rejects as the function does, and lives without readable files", async () => {
    const unreadable = () => {
      throw new Error("no such file");
    };
    const { agent, asked, lines } = setUp({ "/v1/run": { status: 200, text: JSON.stringify(GRANT) } }, { read: unreadable });
    await assert.rejects(
      agent.around({}, async () => {
        throw new Error("as told");
      }),
      /as told/,
    );
    assert.deepEqual(asked[1]?.[1]["outcome"], "action developer error");
    assert.deepEqual(lines, []);
  });

  it("binds the container to its namespace and action", async () => {
    const { agent, asked } = setUp({});
    await agent.bind({ __OW_NAMESPACE: "guest", __OW_ACTION_NAME: "/guest/pack/hello" });
    await agent.bind({});
    assert.deepEqual(asked, [["/v1/container", { namespace: "guest", action: "pack/hello" }]]);
  });
});

describe("the node agent's address", () => {
  const ROUTES = "Iface\tDestination\tGateway\tFlags\neth0\t000011AC\t00000000\t0001\neth0\t00000000\t010011AC\t0003\n";

  it("is the default route's gateway, unless it is told", () => {
    assert.equal(defaultGateway(ROUTES), "172.17.0.1");
    assert.equal(defaultGateway(""), undefined);
    assert.deepEqual(
      nodeAgentAddress({}, () => ROUTES),
      { host: "172.17.0.1", port: 3237 },
    );
    assert.deepEqual(nodeAgentAddress({ __OW_HARVEST_NODE_AGENT: "10.0.0.1:99" }), { host: "10.0.0.1", port: 99 });
    assert.equal(
      nodeAgentAddress({}, () => ""),
      undefined,
    );
  });
});
