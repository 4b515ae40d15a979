/** What containers are created with (openwhisk-protocol, 5.2 to 5.4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hasFixedTag } from "./images.js";
import { containerName, cpuLimitOf, cpuSharesOf, createOptions } from "./run-shape.js";

test("CPU shares are an invoker's 1024 divided among the containers that its memory holds, within Docker's bounds", () => {
  assert.equal(cpuSharesOf(2048, 256), 128);
  assert.equal(cpuSharesOf(1000, 256), 341);
  assert.equal(cpuSharesOf(128, 256), 1024, "not the division by zero of ContainerFactory.scala");
  assert.equal(cpuSharesOf(10_000_000, 128), 2);
});

test("a CPU limit is the container's part of user-cpus by its memory, rounded to five digits, and never nothing", () => {
  assert.equal(cpuLimitOf(8, 4096, 256), 0.5);
  assert.equal(cpuLimitOf(1, 1000, 256), 0.33333);
  assert.equal(cpuLimitOf(2, 128, 256), 2, "not the division by zero of ContainerFactory.scala");
  assert.equal(cpuLimitOf(0.1, 100_000, 128), 0.01);
});

test("names hold what Docker takes and nothing else", () => {
  assert.equal(containerName(7, 3, "0_gu est/ü_hello-x"), "wsk7_3_0_guest_hellox");
  assert.ok(containerName(7, 3, "a".repeat(300)).length < 100);
});

test("swap equals memory, and without an invoker's memory there are no shares", () => {
  const spec = { name: "x", kind: "nodejs:20", memoryLimitMb: 256, environment: { A: "1", B: "x=y" } };
  const { Env, HostConfig } = createOptions(spec, { image: "i:1", name: "n", network: "bridge", labels: {} });
  assert.deepEqual(Env, ["A=1", "B=x=y"]);
  assert.deepEqual([HostConfig?.Memory, HostConfig?.MemorySwap], [268_435_456, 268_435_456]);
  assert.deepEqual(["CpuShares" in (HostConfig ?? {}), "NanoCpus" in (HostConfig ?? {})], [false, false]);
  const limited = createOptions(spec, { image: "i:1", name: "n", network: "bridge", labels: {}, userMemoryMb: 1024, userCpuCores: 2 });
  assert.deepEqual([limited.HostConfig?.CpuShares, limited.HostConfig?.NanoCpus], [256, 500_000_000]);
});

test("a tag is fixed unless it is latest or absent; ports are no tags", () => {
  for (const image of ["a:1", "a/b:v2", "host:5000/a:1", "a@sha256:00"]) assert.equal(hasFixedTag(image), true, image);
  for (const image of ["a", "a:latest", "host:5000/a", "host:5000/a:latest"]) assert.equal(hasFixedTag(image), false, image);
});
