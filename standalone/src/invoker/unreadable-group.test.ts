/** H5 where nothing can be sampled: the clock alone gives a donor its CPU back. On a hand-driven clock and a container in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ContainerGroup } from "@openwhisk-harvest/cgroup";
import { HarvestError, type RunEvent } from "@openwhisk-harvest/core";
import { HandClock } from "@openwhisk-harvest/testkit";
import type { Container, ContainerCall } from "../container/driver.js";
import { eventually, recordingLogger } from "../container/testing.js";

import { runActivation } from "./activation-run.js";
import { NodeLimits } from "./node-limits.js";
import { PlanDesk } from "./plan-desk.js";
import { Reporter } from "./reporter.js";
import { GRID, harvestedGrant, messageOf, userGrant } from "./testing.js";

const CAPACITY = { cpuCores: 2, memoryMb: 2048 };

/** A container whose run lasts until the test ends it, and whose group cannot be read. */
class UnreadableContainer implements Container {
  readonly name = "wsk0_guest_hello";
  readonly alive = true;
  cpuCoresInForce: number | undefined = 1;
  answer: () => void = () => undefined;
  isRunning = false;
  readonly group = {
    read: () => {
      throw new HarvestError("OWH_NO_CGROUP", "unreadable");
    },
  } as unknown as ContainerGroup;
  readonly #clock: HandClock;

  constructor(clock: HandClock) {
    this.#clock = clock;
  }

  run(): Promise<ContainerCall> {
    this.isRunning = true;
    const startMs = this.#clock.nowMs();
    return new Promise((resolve) => {
      this.answer = () => resolve({ outcome: { type: "answer", httpStatus: 200, body: "{}" }, startMs, endMs: this.#clock.nowMs() });
    });
  }

  initialize = () => this.run();
  setCpuCores = async (cpuCores: number | undefined) => {
    this.cpuCoresInForce = cpuCores;
  };
  setMemoryLimit = async () => undefined;
  setMemoryHigh = async () => undefined;
  kill = async () => undefined;
  collectLogs = async () => ({ lines: [], truncated: false, incomplete: false });
  destroy = async () => undefined;
}

describe("a donor whose group cannot be read", () => {
  it("H5: has its user allocation back at half of its time limit, and the failure is logged once", async () => {
    const clock = new HandClock();
    const logger = recordingLogger();
    const events: RunEvent[] = [];
    const store = { putObservation: async () => undefined, appendEvent: async (event: RunEvent) => void events.push(event) };
    const container = new UnreadableContainer(clock);
    const message = messageOf({ limits: { timeout: 4_000 } });
    const grant = userGrant(message, harvestedGrant({ cpuCores: 0.25 }));
    const finished = runActivation(
      { container, cold: false },
      { message, grant },
      {
        ...{ clock, logger, capacity: CAPACITY, grid: GRID, node: "n", enforcement: "cgroup-v2" as const, payloadMaxBytes: 1_000 },
        reporter: new Reporter(store, { clock, logger }),
        limits: new NodeLimits(CAPACITY, GRID.cpuCores, logger),
        plans: new PlanDesk({ logger }),
        sampling: { periodMs: 20, windowMs: 100 },
      },
    );
    await eventually(() => container.isRunning, "the run");
    clock.move(1_999);
    await new Promise(setImmediate);
    assert.equal(container.cpuCoresInForce, 0.25);
    clock.move(1);
    await eventually(() => container.cpuCoresInForce === 1, "U");
    container.answer();
    const { reusable, facts } = await finished;
    assert.ok(reusable);
    assert.deepEqual(facts.logs, [], "what cannot be seen is not told");
    assert.deepEqual(
      events.map(({ type, lease }) => [type, lease?.limits.cpuCores]),
      [
        ["start", 0.25],
        ["applied", 1],
        ["end", 1],
      ],
    );
    assert.equal(logger.complaints.filter((line) => line.startsWith("A run cannot be sampled")).length, 1);
    assert.equal(logger.complaints.length, 1);
  });
});
