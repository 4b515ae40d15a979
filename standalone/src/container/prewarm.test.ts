/** Rules prewarm.W1 to prewarm.W4, with processes of this host. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { detectEnforcement, type Enforcer } from "@openwhisk-harvest/cgroup";
import { eventually, RecordingLogger } from "@openwhisk-harvest/testkit";
import type { Container, ContainerDriver, ContainerSpec } from "./driver.js";
import { withPrewarm } from "./prewarm.js";
import { createProcessDriver } from "./process-driver.js";

const LIMITS = { timeoutMs: 20_000, maxResponseBytes: 1 << 20 };
const STOCK = [{ kind: "nodejs:20", memoryMb: 128, count: 1 }];
const logger = new RecordingLogger();
let enforcer: Enforcer;
let processes: ContainerDriver;

before(async () => {
  enforcer = await detectEnforcement();
  processes = await createProcessDriver({ enforcer, logger });
});
after(async () => {
  await processes.close();
  await enforcer.close();
});

/** The process driver, with every container it has made, and closing left to `after`. */
function counting(create = (spec: ContainerSpec) => processes.create(spec)) {
  const made: Container[] = [];
  const driver: ContainerDriver = {
    enforcement: processes.enforcement,
    create: async (spec) => {
      const container = await create(spec);
      made.push(container);
      return container;
    },
    close: async () => {
      await Promise.all(made.map((container) => container.destroy()));
    },
  };
  return { made, driver };
}
const spec = (more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name: "guest_x", kind: "nodejs:20", memoryLimitMb: 128, environment: { A: "container's", B: "container's" } },
  ...more,
});

test("prewarm.W1, prewarm.W3: what is taken is ready, has its environment before user code runs, and is followed by another", async () => {
  const { made, driver } = counting();
  const stocked = withPrewarm(driver, STOCK, logger);
  await eventually(() => made.length === 1, "one is ready");
  const container = await stocked.create(spec());
  assert.equal(container, made[0]);
  assert.match(container.name, /^wsk\d+_prewarm_nodejs20$/);
  const code = "const at = process.env.A; function main() { return { at, a: process.env.A, b: process.env.B } }";
  await container.initialize({ value: { name: "t", main: "main", code, binary: false, env: { B: "action's" } } }, LIMITS);
  const { outcome } = await container.run({ value: {} }, LIMITS);
  assert.deepEqual(outcome.type === "answer" && JSON.parse(outcome.body), { at: "container's", a: "container's", b: "action's" });
  await eventually(() => made.length === 2, "another is ready");
  assert.notEqual(await stocked.create(spec()), container);
  await stocked.close();
  assert.ok(made.every((each) => !each.alive));
});

test("another limit, another kind or an image is never served from the stock", async () => {
  const { made, driver } = counting();
  const stocked = withPrewarm(driver, STOCK, logger);
  await eventually(() => made.length === 1, "one is ready");
  for (const more of [{ memoryLimitMb: 160 }, { kind: "nodejs:18" }]) assert.match((await stocked.create(spec(more))).name, /guest_x$/);
  await assert.rejects(stocked.create(spec({ kind: "blackbox", image: "a:1" })), { code: "OWH_CHILD_FAILED" });
  assert.equal(made[0]?.alive, true);
  await stocked.close();
});

test("prewarm.W2: one that has died while it waited is passed over", async () => {
  const { made, driver } = counting();
  const stocked = withPrewarm(driver, STOCK, logger);
  await eventually(() => made.length === 1, "one is ready");
  await made[0]?.kill();
  const container = await stocked.create(spec());
  assert.equal(container.alive, true);
  assert.notEqual(container, made[0]);
  await stocked.close();
});

test("prewarm.W2: a stock that cannot be filled is said, and harms no request; the next one tries again", async () => {
  const complaining = new RecordingLogger();
  let working = false;
  const { made, driver } = counting(async (wanted) => {
    if (!working && wanted.name.startsWith("prewarm")) throw new Error("no room");
    return await processes.create(wanted);
  });
  const stocked = withPrewarm(driver, STOCK, complaining);
  await eventually(() => complaining.complaints.length === 1, "it has failed");
  working = true;
  const container = await stocked.create(spec());
  assert.match(container.name, /guest_x$/);
  await eventually(() => made.some(({ name }) => name.includes("prewarm")), "it works again");
  assert.match(String(complaining.complaints[0]), /cannot be started ahead of its use.*no room/);
  await stocked.close();
});

test("closing while the stock is being filled keeps none", async () => {
  const { made, driver } = counting();
  await withPrewarm(driver, STOCK, logger).close();
  assert.ok(made.every((each) => !each.alive));
});

test("nothing of the stock above was complained about", () => {
  assert.deepEqual(logger.complaints, []);
});
