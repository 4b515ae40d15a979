import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { configOptions, gridOf, loadConfig } from "./config.js";
import { PAPER_GRID } from "./grid.js";

describe("configuration", () => {
  it("has a unit and a purpose for every option, and an environment variable of its own", () => {
    const options = configOptions();
    for (const option of options) assert.ok(option.unit && option.purpose, `${option.path} has no unit or purpose`);
    assert.equal(new Set(options.map((o) => o.environment)).size, options.length);
  });

  it("lets flags win over the environment over the file over defaults", () => {
    const file = { name: "harvest.yaml", text: "redis: { timeoutMs: 1 }\nsidecar: { port: 1 }\nstandalone: { port: 1 }" };
    const environment = { HARVEST_SIDECAR_PORT: "2", HARVEST_STANDALONE_PORT: "2" };
    const config = loadConfig({ file, environment, flags: ["standalone.port=3"] });
    assert.deepEqual([config.redis.timeoutMs, config.sidecar.port, config.standalone.port], [1, 2, 3]);
    assert.equal(config.decision.policy, "makespan");
  });

  it("reports all mistakes at once, each with its place", () => {
    const load = () =>
      loadConfig({ file: { name: "f", text: "nonsense: 1\nsidecar: { port: 99999 }" }, flags: ["decision.policy=guess", "no.such=1"] });
    assert.throws(load, (error: Error & { code?: string }) => {
      assert.equal(error.code, "OWH_BAD_CONFIG");
      for (const part of ["nonsense", "sidecar.port", "decision.policy", "no.such"]) assert.match(error.message, new RegExp(part));
      return true;
    });
  });

  it("refuses a file that is no mapping", () => {
    assert.throws(() => loadConfig({ file: { name: "f.yaml", text: "[1, 2]" } }), { code: "OWH_BAD_CONFIG" });
    assert.throws(() => loadConfig({ file: { name: "f.yaml", text: "a: [" } }), { code: "OWH_BAD_CONFIG" });
    assert.equal(loadConfig({ file: { name: "f.yaml", text: "" } }).logLevel, "info");
  });

  it("keeps text options text, even when they look like numbers", () => {
    assert.equal(loadConfig({ environment: { HARVEST_DATA_DIR: "123" } }).dataDir, "123");
  });

  it("takes mappings as text and from a file, and refuses what is none", () => {
    const images = (flags: string[], text = "") => loadConfig({ file: { name: "f", text }, flags }).standalone.docker.images;
    assert.deepEqual(images(["standalone.docker.images=nodejs:20=h:5000/a:1, python:3=b"]), { "nodejs:20": "h:5000/a:1", "python:3": "b" });
    assert.deepEqual(images([], "standalone: { docker: { images: { 'nodejs:20': a } } }"), { "nodejs:20": "a" });
    assert.deepEqual([images([]), images(["standalone.docker.images="])], [undefined, {}]);
    assert.deepEqual(loadConfig({ flags: ["standalone.prewarm=nodejs:20/256=2"] }).standalone.prewarm, { "nodejs:20/256": 2 });
    for (const wrong of ["standalone.docker.images=nodejs:20", "standalone.docker.images==a", "standalone.prewarm=a=many"])
      assert.throws(() => loadConfig({ flags: [wrong] }), { code: "OWH_BAD_CONFIG" }, wrong);
  });

  it("is frozen to its leaves", () => {
    const config = loadConfig();
    assert.throws(() => Object.assign(config.grid.memoryMb, { min: 1 }), TypeError);
  });

  it("takes the grid of the host where none is configured, and refuses an empty axis", () => {
    assert.deepEqual(gridOf(loadConfig(), 16), PAPER_GRID);
    assert.equal(gridOf(loadConfig({ flags: ["grid.cpuCores.step=0.125"] }), 2).cpuCores.step, 0.125);
    assert.throws(() => gridOf(loadConfig({ flags: ["grid.cpuCores.min=4"] }), 2), { code: "OWH_BAD_CONFIG" });
  });
});
