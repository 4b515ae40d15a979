/** The contract of DagStore, ProfileStore, ModelStore and DecisionStore (lib/core/src/ports.ts) over any DocumentStore. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, describe, it } from "node:test";
import {
  type DagDescription,
  type Decision,
  type DecisionQuery,
  encodeForests,
  type FlatForest,
  MODEL_FORMAT,
  type Model,
  PAPER_GRID,
  type Profile,
  type StageDecision,
} from "@openwhisk-harvest/core";
import type { DocumentsFixture } from "../documents/documents.contract.js";
import { openDagStore } from "./dag-store.js";
import { openDecisionStore } from "./decision-store.js";
import { openModelStore } from "./model-store.js";
import { openPinStore } from "./pin-store.js";
import { openProfileStore } from "./profile-store.js";

const activationId = () => randomBytes(16).toString("hex");

const dag = (namespace: string, name: string, version = "1"): DagDescription => ({
  v: 2,
  namespace,
  name,
  version,
  functions: [],
  stages: [],
  composition: { type: "empty" },
});

function profile(namespace: string, dagName: string, root = activationId(), id = activationId()): Profile {
  return {
    v: 1,
    namespace,
    dag: dagName,
    dagVersion: "1",
    root,
    functionIndex: 0,
    stage: 0,
    dagInputBytes: 10,
    functionInputBytes: 10,
    grid: PAPER_GRID,
    startMs: 0,
    endMs: 1,
    observation: {
      v: 1,
      activationId: id,
      mode: "profile",
      enforcement: "none",
      allocated: { memoryMb: 256 },
      user: { memoryMb: 256 },
      cold: true,
      durationMs: 1,
      cpuTimeMs: 1,
      cpuMeanCores: 1,
      cpuPeakCores: 1,
      memoryPeakMb: 1,
      samples: 1,
      outcome: "success",
    },
  };
}

/** A forest of one leaf. */
const leaf = (value: number): FlatForest => ({
  roots: Int32Array.of(0),
  feature: Int32Array.of(-1),
  threshold: Float64Array.of(0),
  left: Int32Array.of(0),
  right: Int32Array.of(0),
  value: Float64Array.of(value),
});

function model(namespace: string, dagName: string, version: string, value = 1): Model {
  const forests = { inputBytes: leaf(value), cpuCores: leaf(value), memoryMb: leaf(value), workCoreMs: leaf(value) };
  const { layout, sha256 } = encodeForests(forests);
  const document = {
    format: MODEL_FORMAT,
    namespace,
    dag: dagName,
    dagVersion: "1",
    version,
    trainer: "test",
    seed: 1,
    createdAtMs: 0,
    dagInputBytes: { min: 1, max: 2 },
    samples: [1],
    grid: PAPER_GRID,
    scores: {},
    layout,
    sha256,
  };
  return { document, forests };
}

const decision = (root: string, id: string, decidedAtMs: number): Decision => ({
  v: 1,
  id,
  namespace: "guest",
  dag: "d",
  dagVersion: "1",
  root,
  mode: "observe",
  policy: "makespan",
  grid: PAPER_GRID,
  inputBytes: 1,
  stages: [],
  published: false,
  decidedAtMs,
  stepMs: {},
});

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function typedStoresContract(name: string, open: () => Promise<DocumentsFixture>): void {
  describe(`typed stores: ${name}`, () => {
    let fixture: DocumentsFixture;
    before(async () => {
      fixture = await open();
    });
    after(() => fixture.close());
    /** A namespace of its own for each test, with what OpenWhisk allows in names. */
    const fresh = () => `_u.${activationId().slice(0, 8)}@example.org & co - 1`;

    it("DAGs are replaced by name, and listed by namespace", async () => {
      const dags = openDagStore(fixture.store);
      const namespace = fresh();
      assert.equal(await dags.get(namespace, "d"), undefined);
      await dags.put(dag(namespace, "d"));
      await dags.put(dag(namespace, "a/b"));
      await dags.put(dag(namespace, "d", "2"));
      await dags.put(dag(`${namespace}0`, "other"));
      await dags.put(dag(`${namespace}/x`, "other"));
      assert.deepEqual(await dags.get(namespace, "d"), dag(namespace, "d", "2"));
      assert.deepEqual(await dags.list(namespace), [dag(namespace, "a/b"), dag(namespace, "d", "2")]);
    });

    it("of concurrent deployments of a DAG one wins, and none fails", async () => {
      const dags = [openDagStore(fixture.store), openDagStore(fixture.second)];
      const namespace = fresh();
      await Promise.all([1, 2, 3, 4].map((n) => dags[n % 2]?.put(dag(namespace, "d", String(n)))));
      assert.match((await dags[0]?.get(namespace, "d"))?.version ?? "", /^[1-4]$/);
    });

    it("a DAG that cannot be read is an error with a code", async () => {
      const namespace = "broken";
      const documents = fixture.store.database("harvest_dags");
      const name = activationId();
      await documents.put(`${namespace}/${name}`, { v: 1, namespace });
      await assert.rejects(openDagStore(fixture.store).get(namespace, name), { code: "OWH_BAD_COMPOSITION" });
    });

    it("profiles of a DAG are those of no other, and a second writing changes nothing", async () => {
      const warnings: string[] = [];
      const logger = { info: () => undefined, error: () => undefined, warn: (_: object, message: string) => warnings.push(message) };
      const profiles = openProfileStore(fixture.store, { ...logger, warn: (fields, message) => void logger.warn(fields, message) });
      const namespace = fresh();
      const own = Array.from({ length: 5 }, () => profile(namespace, "d"));
      for (const one of own) await profiles.put(one);
      await profiles.put({ ...(own[0] as Profile), stage: 9 });
      for (const other of ["d0", "d/x", "d 1", "c"]) await profiles.put(profile(namespace, other));
      const byActivation = (a: Profile, b: Profile) => a.observation.activationId.localeCompare(b.observation.activationId);
      assert.deepEqual((await collect(profiles.ofDag(namespace, "d"))).sort(byActivation), own.sort(byActivation));
      assert.deepEqual(await collect(profiles.ofDag(namespace, "none")), []);
      assert.deepEqual(warnings, []);
    });

    it("a damaged profile is left out and reported", async () => {
      const warnings: string[] = [];
      const logger = { info: () => undefined, error: () => undefined, warn: (_: object, message: string) => void warnings.push(message) };
      const name = activationId();
      await fixture.store.database("harvest_profiles").put(`guest/${name}/r/a`, { v: 1 });
      const profiles = openProfileStore(fixture.store, logger);
      const whole = profile("guest", name);
      await profiles.put(whole);
      assert.deepEqual(await collect(profiles.ofDag("guest", name)), [whole]);
      assert.equal(warnings.length, 1);
    });

    it("the newest model is the one with the highest number, and versions count up", async () => {
      const models = openModelStore(fixture.store);
      const namespace = fresh();
      assert.equal(await models.latest(namespace, "d"), undefined);
      assert.equal(await models.nextVersion(namespace, "d"), "1");
      for (const version of ["1", "2", "9", "10"]) await models.put(model(namespace, "d", version, Number(version)));
      await models.put(model(namespace, "d2", "99"));
      const latest = await models.latest(namespace, "d");
      assert.equal(latest?.document.version, "10");
      assert.deepEqual(latest?.forests.cpuCores.value, Float64Array.of(10));
      assert.equal(await models.nextVersion(namespace, "d"), "11");
    });

    it("a model that is in use is not read again, and a newer one is noticed at once", async () => {
      const models = openModelStore(fixture.store);
      const namespace = fresh();
      await models.put(model(namespace, "d", "1", 1));
      const first = await models.latest(namespace, "d");
      assert.equal(await models.latest(namespace, "d"), first);
      await models.put(model(namespace, "d", "2", 2));
      const second = await models.latest(namespace, "d");
      assert.notEqual(second, first);
      assert.deepEqual([first?.document.version, second?.document.version], ["1", "2"]);
    });

    it("a pinned model is the one in use until the pin is gone, and all stay stored", async () => {
      const models = openModelStore(fixture.store);
      const pins = openPinStore(fixture.second);
      const namespace = fresh();
      for (const version of ["1", "2", "10"]) await models.put(model(namespace, "d", version, Number(version)));
      const pin = { v: 1, model: "2", sinceMs: 5, reason: "10 is worse" } as const;
      await pins.put(namespace, "d", pin);
      assert.deepEqual(await pins.get(namespace, "d"), pin);
      assert.equal((await models.latest(namespace, "d"))?.document.version, "2");
      assert.deepEqual((await models.latest(namespace, "d"))?.forests.cpuCores.value, Float64Array.of(2));
      assert.equal(await models.nextVersion(namespace, "d"), "11", "what is trained next comes after the newest");
      await models.put(model(namespace, "d", "11"));
      assert.equal((await models.latest(namespace, "d"))?.document.version, "2", "a new model does not lift a pin");
      assert.deepEqual(
        (await models.versions(namespace, "d")).map((one) => one.version),
        ["1", "2", "10", "11"],
      );
      await pins.remove(namespace, "d");
      await pins.remove(namespace, "d");
      assert.equal(await pins.get(namespace, "d"), undefined);
      assert.equal((await models.latest(namespace, "d"))?.document.version, "11");
      assert.deepEqual(await openDagStore(fixture.store).list(namespace), [], "a pin is no DAG");
    });

    it("a pin on a model that is not stored means no model", async () => {
      const models = openModelStore(fixture.store);
      const namespace = fresh();
      await models.put(model(namespace, "d", "1"));
      await openPinStore(fixture.store).put(namespace, "d", { v: 1, model: "7", sinceMs: 0 });
      assert.equal(await models.latest(namespace, "d"), undefined);
    });

    it("a pin that cannot be read is an error with a code, and is replaced by the next one", async () => {
      const pins = openPinStore(fixture.store);
      const namespace = activationId();
      await fixture.store.database("harvest_dags").put(`~pin/${namespace}/d`, { v: 1, model: 5 });
      await assert.rejects(pins.get(namespace, "d"), { code: "OWH_CONFLICT" });
      await pins.put(namespace, "d", { v: 1, policy: "paper", sinceMs: 0 });
      assert.equal((await pins.get(namespace, "d"))?.policy, "paper");
    });

    it("a version is written once", async () => {
      const models = openModelStore(fixture.store);
      const namespace = fresh();
      await models.put(model(namespace, "d", "1", 1));
      await assert.rejects(models.put(model(namespace, "d", "1", 2)), { code: "OWH_CONFLICT" });
      assert.deepEqual((await models.latest(namespace, "d"))?.forests.cpuCores.value, Float64Array.of(1));
    });

    it("models that cannot be used are refused, when written and when read", async () => {
      const models = openModelStore(fixture.store);
      const namespace = activationId();
      for (const version of ["0", "1.5", "x", "", "1".repeat(13)])
        await assert.rejects(models.put(model(namespace, "d", version)), { code: "OWH_BAD_MODEL" }, version);
      const good = model(namespace, "d", "1");
      await assert.rejects(models.put({ ...good, document: { ...good.document, sha256: "0" } }), { code: "OWH_BAD_MODEL" });
      const documents = fixture.store.database("harvest_models");
      const at = (version: number) => `${namespace}/d/${String(version).padStart(12, "0")}`;
      await documents.createWithAttachment(at(1), good.document, Uint8Array.of(1, 2, 3));
      await assert.rejects(models.latest(namespace, "d"), { code: "OWH_BAD_MODEL" });
      await documents.put(at(2), good.document);
      await assert.rejects(models.latest(namespace, "d"), { code: "OWH_BAD_MODEL", message: /lost its trees/ });
      await documents.createWithAttachment(at(3), { ...good.document, format: MODEL_FORMAT + 1 }, Uint8Array.of(1));
      await assert.rejects(models.latest(namespace, "d"), { code: "OWH_MODEL_TOO_NEW" });
    });

    it("decisions are found by R, by ids that contain R, and by ids that do not", async () => {
      const decisions = openDecisionStore(fixture.store);
      const root = activationId();
      assert.equal(await decisions.find(root), undefined);
      const [first, second, foreign] = [decision(root, root, 1), decision(root, `${root}-2`, 2), decision(root, `id/${root}`, 3)];
      for (const one of [second, first]) await decisions.put(one);
      assert.deepEqual(await decisions.find(root), second);
      assert.deepEqual(await decisions.find(`${root}-2`), second);
      assert.equal(await decisions.find(`${root}-3`), undefined);
      await decisions.put(foreign);
      assert.deepEqual(await decisions.find(foreign.id), foreign);
      assert.deepEqual(await decisions.find(root), foreign);
    });

    it("a decision written again is replaced", async () => {
      const decisions = openDecisionStore(fixture.store);
      const root = activationId();
      await decisions.put(decision(root, `${root}-0`, 1));
      await decisions.put({ ...decision(root, `${root}-0`, 1), published: true });
      assert.equal((await decisions.find(root))?.published, true);
    });

    it("what is no id finds nothing, and a decision without a root run is refused", async () => {
      const decisions = openDecisionStore(fixture.store);
      for (const text of ["", "_design/x", "../..", "x".repeat(3_000)]) assert.equal(await decisions.find(text), undefined);
      await assert.rejects(decisions.put(decision("no-root", "no-root", 1)), { code: "OWH_BAD_REQUEST" });
      await assert.rejects(decisions.find("\ud800"), { code: "OWH_BAD_REQUEST" });
    });

    it("decisions are listed newest first, by every part of the question, and only a namespace's own", async () => {
      const decisions = openDecisionStore(fixture.store);
      const [namespace, stranger] = [fresh(), fresh()];
      const put = async (decidedAtMs: number, change: Partial<Decision> = {}) => {
        const root = activationId();
        await decisions.put({ ...decision(root, `${root}-1`, decidedAtMs), namespace, ...change });
        return `${root}-1`;
      };
      const verdict = { accepted: false, reason: "no-model" } as const;
      const stage: StageDecision = {
        ...{ forkPath: "[1]", kind: "parallel", budget: { cpuCores: 1, memoryMb: 1 }, functions: [] },
        ...{ cpu: verdict, memory: verdict },
      };
      const a = await put(1_000);
      const b = await put(20_000, { dag: "other" });
      const c = await put(300_000, { mode: "harvest", stages: [stage], published: true });
      await put(400_000, { namespace: stranger });
      const list = async (query: Partial<DecisionQuery>) =>
        (await decisions.list({ namespace, limit: 10, ...query })).decisions.map((one) => one.id);
      assert.deepEqual(await list({}), [c, b, a]);
      assert.deepEqual(await list({ limit: 2 }), [c, b]);
      assert.deepEqual(await list({ dag: "other" }), [b]);
      assert.deepEqual(await list({ mode: "harvest" }), [c]);
      assert.deepEqual(await list({ reason: "no-model" }), [c]);
      assert.deepEqual(await list({ reason: "no-model", mode: "observe" }), []);
      assert.deepEqual(await list({ sinceMs: 20_000 }), [c, b]);
      assert.deepEqual(await list({ sinceMs: 20_001 }), [c]);
      await decisions.put({ ...(await decisions.find(a)), published: true } as Decision);
      assert.deepEqual(await list({}), [c, b, a], "a decision written again is listed once");
      assert.equal((await decisions.list({ namespace, limit: 10 })).decisions[2]?.published, true);
    });
  });
}
