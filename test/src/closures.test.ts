/** What each program brings with it: numbers, and what must not be among it. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";

const REPOSITORY = join(import.meta.dirname, "../..");
const LAPTOP = "@openwhisk-harvest/laptop";
const BUS = "@openwhisk-harvest/bus";
const KAFKA = "@platformatic/kafka";
const STANDALONE = ["@openwhisk-harvest/standalone", "fastify"];

/** Names of packages; one that is there in two versions is there twice. */
function closureOf(room: string, ...without: readonly string[]): string[] {
  const words = [join("scripts", "closure.mjs"), room, "--json", ...without.flatMap((name) => ["--without", name])];
  const text = execFileSync(process.execPath, words, { cwd: REPOSITORY, encoding: "utf8" });
  return (JSON.parse(text) as { name: string }[]).map(({ name }) => name);
}

describe("the production closure", () => {
  it("of the command line without its optional parts has at most 170 packages, and no embedded OpenWhisk", () => {
    const names = closureOf("cli", LAPTOP, BUS);
    assert.ok(names.length <= 170, String(names.length));
    for (const name of [...STANDALONE, KAFKA, LAPTOP, BUS]) assert.ok(!names.includes(name), name);
    const withBus = closureOf("cli", LAPTOP);
    assert.ok(withBus.includes(KAFKA), "the search finds what is there");
    for (const name of STANDALONE) assert.ok(!withBus.includes(name), name);
  });

  it("is enough: installed alone it runs, and says what up, demo, shim and Kafka's check need", () => {
    const folder = mkdtempSync(join(tmpdir(), "hv-closure-"));
    try {
      const words = ["scripts/closure.mjs", "cli", "--copy", join(folder, "app"), "--without", LAPTOP, "--without", BUS];
      execFileSync(process.execPath, words, { cwd: REPOSITORY, stdio: "ignore" });
      const harvest = (...verb: readonly string[]) =>
        spawnSync(process.execPath, [join(folder, "app/cli/bin/harvest.js"), ...verb], {
          cwd: folder,
          encoding: "utf8",
          env: { HOME: folder },
        });
      assert.equal(harvest("--version").status, 0);
      assert.match(harvest("--help").stdout, /evaluate/, "the file of every verb is loaded");
      for (const [verb, name] of [
        ["up", LAPTOP],
        ["demo", LAPTOP],
        ["shim", BUS],
      ] as const)
        assert.match(harvest(verb).stderr, new RegExp(`^error: harvest ${verb} needs the package ${name}, .*\\(OWH_NOT_FOUND\\)\n$`));
      assert.match(
        harvest("doctor", "--set", "doctor.kafka=127.0.0.1:1").stdout,
        new RegExp(`Kafka: doctor\\.kafka needs the package ${BUS}`),
      );
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  const images: readonly [room: string, most: number, without: readonly string[], within: readonly string[]][] = [
    ["docker", 100, [...STANDALONE, KAFKA, "lmdb", "nano", "express", "openwhisk"], ["ioredis", "dockerode"]],
    ["sidecar", 120, [...STANDALONE, KAFKA, "dockerode", "openwhisk"], ["express", "ioredis", "lmdb", "nano"]],
    ["loadbalancer-shim/bus", 55, [...STANDALONE, "lmdb", "express", "dockerode", "openwhisk"], [KAFKA, "ioredis", "nano"]],
  ];
  for (const [room, most, without, within] of images)
    it(`of ${room}, which an image carries, has its own only`, () => {
      const names = closureOf(room);
      assert.ok(names.length <= most, String(names.length));
      for (const name of without) assert.ok(!names.includes(name), name);
      for (const name of within) assert.ok(names.includes(name), name);
    });
});
