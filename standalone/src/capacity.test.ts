import assert from "node:assert/strict";
import { test } from "node:test";
import { gridOf, loadConfig } from "@openwhisk-harvest/core";
import { invokerCapacity } from "./capacity.js";

const capacity = (hostCores: number, ...flags: string[]) => {
  const config = loadConfig({ flags });
  return Object.values(invokerCapacity(config.standalone, gridOf(config, hostCores), hostCores));
};

test("invokers share what the host lends them, in whole steps", () => {
  const table: [number, string[], number[]][] = [
    [2, [], [1.75, 4096]],
    [2, ["standalone.invokers=2"], [0.75, 2048]],
    [2, ["standalone.invokers=3", "standalone.memoryMb=1000"], [0.5, 256]],
    [8, [], [7, 4096]],
    [32, ["standalone.invokers=2", "standalone.memoryMb=65536"], [15, 32_768]],
    [2, ["standalone.cpuCores=1.6"], [1.5, 4096]],
    [2, ["grid.cpuCores.step=0.1", "standalone.cpuCores=0.3"], [0.3, 4096]],
  ];
  for (const [hostCores, flags, expected] of table) assert.deepEqual(capacity(hostCores, ...flags), expected, flags.join(" "));
});

test("less than a step for each is a mistake in the configuration", () => {
  for (const flags of [["standalone.invokers=8"], ["standalone.memoryMb=100"]])
    assert.throws(() => capacity(2, ...flags), { code: "OWH_BAD_CONFIG" });
});
