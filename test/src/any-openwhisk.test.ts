/**
 * Every verb against an OpenWhisk that its own data folder knows nothing of: one process has `harvest up` in a folder and its documents
 * in a CouchDB, the verbs run from another folder and home, by addresses alone.
 */
import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { StackFile } from "@openwhisk-harvest/core";
import { TestCouch } from "@openwhisk-harvest/testkit/couch";
import { AES_JOB } from "./stack.kit.js";

const HARVEST = fileURLToPath(new URL("../../cli/bin/harvest.js", import.meta.url));
/** Close together, so that few runs make a model. */
const SIZES = ["--min-bytes", "40000", "--max-bytes", "60000"];
const RUNS = 8;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("by addresses alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "hv-any-"));
  const home = join(folder, "home");
  const own = join(folder, "own");
  let couchdb: TestCouch;
  let up: ChildProcess;
  let stack: StackFile;
  let addresses: Record<string, string>;

  before(async () => {
    mkdirSync(home);
    couchdb = await TestCouch.start();
    const flags = ["--port", "0", "--json", "--collect", "0", "--data-dir", join(folder, "theirs")];
    const assignments = [`couchdb.url=${couchdb.url}`, "decision.cacheMs=1", "redis.timeoutMs=5000", "logLevel=error"].flatMap((one) => [
      "--set",
      one,
    ]);
    up = spawn(process.execPath, [HARVEST, "up", ...flags, ...assignments], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(up, "exit").then(([code]) => {
      throw new Error(`harvest up ended with ${code} before it was ready`);
    });
    const [line] = (await Promise.race([once(createInterface(up.stdout as NodeJS.ReadableStream), "line"), ended])) as [string];
    ended.catch(() => undefined); // from now on its end is the test's
    stack = JSON.parse(line) as StackFile;
    addresses = {
      HARVEST_OPENWHISK_APIHOST: stack.apihost,
      HARVEST_OPENWHISK_AUTH: stack.auth,
      HARVEST_SIDECAR_URL: stack.sidecar,
      HARVEST_REDIS_URL: stack.redis,
      HARVEST_COUCHDB_URL: couchdb.url,
    };
  });
  after(async () => {
    if (up && up.exitCode === null) {
      const exited = once(up, "exit");
      up.kill("SIGTERM");
      await exited;
    }
    await couchdb?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** `harvest` with these variables and no others that would name an OpenWhisk. */
  function run(environment: Readonly<Record<string, string | undefined>>, words: readonly string[]): Promise<Ran> {
    const env = { PATH: process.env["PATH"], HOME: home, HARVEST_DATA_DIR: own, ...environment };
    return new Promise((resolve) => {
      execFile(process.execPath, [HARVEST, ...words], { env, cwd: folder }, (error, stdout, stderr) => {
        resolve({ code: Number(error?.code ?? 0), stdout, stderr });
      });
    });
  }

  async function harvest(...words: string[]): Promise<string> {
    const { code, stdout, stderr } = await run(addresses, words);
    assert.equal(code, 0, `harvest ${words.join(" ")}: ${stderr}`);
    return stdout;
  }

  const json = async (...words: string[]) => JSON.parse(await harvest(...words, "--json"));

  it("deploys, profiles and trains, and the other sidecar decides with the model just trained", async () => {
    assert.match(await harvest("deploy", AES_JOB), /ok: composition parallel-aes/);
    const before = await json("invoke", "parallel-aes", "--param", "text=to be encrypted");
    assert.equal(before.success, true, JSON.stringify(before));
    const decided = await json("explain", before.activationId);
    assert.equal(decided.modelVersion, undefined, "nothing is trained yet");

    const profiled = await json("profile", AES_JOB, "--runs", String(RUNS), ...SIZES);
    assert.deepEqual([profiled.nextIndex, profiled.failed], [RUNS, []]);
    const model = await json("train", "parallel-aes");
    await harvest("mode", "harvest", "--namespace", "_");
    assert.equal((await json("mode")).namespaces.guest, "harvest");

    writeFileSync(join(folder, "input.json"), JSON.stringify({ text: "x".repeat(50_000) }));
    const { activationId, success } = await json("invoke", "parallel-aes", "--input", "input.json");
    assert.equal(success, true);
    const decision = await json("explain", activationId);
    assert.deepEqual([decision.mode, decision.modelVersion], ["harvest", model.version]);
    assert.match(await harvest("explain", activationId), /parallel-aes/);
    const status = await json("status", activationId);
    assert.deepEqual([status.state, status.success, status.functions.length], ["ended", true, 5]);
    const { length } = await json("decisions", "--dag", "parallel-aes", "--mode", "harvest");
    assert.ok(length >= 1);
  });

  it("goes back to the model before, pauses and resumes", async () => {
    const second = await json("train", "parallel-aes", "--seed", "7");
    assert.equal((await json("rollback", "parallel-aes", "--list")).modelInUse, second.version);
    const pinned = await json("rollback", "parallel-aes");
    assert.notEqual(pinned.modelInUse, second.version);
    const { activationId } = await json("invoke", "parallel-aes", "--input", "input.json");
    assert.equal((await json("explain", activationId)).modelVersion, pinned.modelInUse);
    assert.equal((await json("pause", "/_", "--for", "1h")).length, 1);
    assert.deepEqual(await json("resume", "/_"), []);
    assert.equal((await json("pause", "/_", "--owner")).length, 1, "through the sidecar, with the key");
    assert.deepEqual(await json("resume", "/_", "--owner"), []);
  });

  it("leaves nothing in its own folder that the other should have", () => {
    assert.deepEqual(existsSync(own) ? readdirSync(own).filter((name) => name !== "profiling") : [], []);
  });

  it("reads the same from a file of wsk and from an action's environment", async () => {
    const { HARVEST_SIDECAR_URL } = addresses;
    writeFileSync(join(folder, "wskprops"), `APIHOST=${stack.apihost}\nAUTH=${stack.auth}\n`);
    for (const environment of [
      { WSK_CONFIG_FILE: join(folder, "wskprops"), HARVEST_SIDECAR_URL },
      { __OW_API_HOST: stack.apihost, __OW_API_KEY: stack.auth, HARVEST_SIDECAR_URL },
    ])
      assert.equal((await run(environment, ["decisions"])).code, 0);
  });

  it("shows which addresses are in use, and no key and no password", async () => {
    const { stdout, code } = await run(addresses, ["connect", "--json"]);
    assert.equal(code, 0, stdout);
    const rows = JSON.parse(stdout) as { part: string; from: string; address: string; answer: string }[];
    assert.deepEqual(
      rows.map(({ part, from }) => [part, from]),
      [
        ["openwhisk", "the configuration"],
        ["key", "the configuration"],
        ["sidecar", "sidecar.url"],
        ["redis", "redis.url"],
        ["documents", "couchdb.url"],
      ],
    );
    const text = (await run(addresses, ["connect"])).stdout;
    const passwords = [stack.auth.split(":")[1] ?? "", new URL(stack.redis).password].filter(Boolean);
    for (const secret of passwords) for (const shown of [stdout, text]) assert.ok(!shown.includes(secret));
    const ofStack = await run({ HARVEST_DATA_DIR: join(folder, "theirs") }, ["connect"]);
    assert.equal(ofStack.code, 0, ofStack.stderr);
    assert.match(ofStack.stdout, /sidecar .* the stack of `harvest up` in /);
  });

  const wrong: readonly [what: string, change: () => Record<string, string | undefined>, code: string, setting: RegExp][] = [
    ["a wrong API host", () => ({ HARVEST_OPENWHISK_APIHOST: "http://127.0.0.1:1" }), "OWH_UNREACHABLE", /openwhisk\.apihost/],
    ["an API host that is no OpenWhisk", () => ({ HARVEST_OPENWHISK_APIHOST: couchdb.url }), "OWH_UNREACHABLE", /openwhisk\.apihost/],
    ["a refused key", () => ({ HARVEST_OPENWHISK_AUTH: "nobody:secret" }), "OWH_UNAUTHORIZED", /openwhisk\.auth/],
    ["no key", () => ({ HARVEST_OPENWHISK_AUTH: undefined }), "OWH_BAD_CONFIG", /no openwhisk\.auth/],
    ["no API host", () => ({ HARVEST_OPENWHISK_APIHOST: undefined }), "OWH_BAD_CONFIG", /no openwhisk\.apihost/],
    ["a sidecar that is away", () => ({ HARVEST_SIDECAR_URL: "http://127.0.0.1:1" }), "OWH_UNREACHABLE", /sidecar\.url/],
    ["a sidecar that is none", () => ({ HARVEST_SIDECAR_URL: stack.apihost }), "OWH_UNREACHABLE", /sidecar\.url/],
    ["no sidecar", () => ({ HARVEST_SIDECAR_URL: undefined }), "OWH_BAD_CONFIG", /sidecar\.url is not set/],
  ];
  for (const [what, change, code, setting] of wrong)
    it(`tells ${what} with a code and the setting`, async () => {
      const { stderr, code: status, stdout } = await run({ ...addresses, ...change() }, ["train", "parallel-aes"]);
      assert.equal(status, 1);
      assert.equal(stdout, "");
      assert.match(stderr, new RegExp(`^error: .*\\(${code}\\)\\n$`));
      assert.match(stderr, setting);
      assert.ok(!stderr.includes("secret"));
    });

  it("tells a Redis that is away, or not named", async () => {
    const mode = (url: string | undefined) => run({ ...addresses, HARVEST_REDIS_URL: url }, ["mode"]);
    assert.match((await mode("redis://:secret@127.0.0.1:1")).stderr, /^error: .*redis\.url.*\(OWH_STORE_UNAVAILABLE\)\n$/);
    assert.match((await mode(undefined)).stderr, /redis\.url is not set.*\(OWH_BAD_CONFIG\)/);
  });
});
