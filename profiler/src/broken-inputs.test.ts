/**
 * Whatever is wrong with what training is given: a clear error with a code, and nothing half-written in a real store.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { encodeForests, HarvestError, type Model, PAPER_GRID, type Profile, requireSeal, sealed, seededRng } from "@openwhisk-harvest/core";
import { openStores, type Stores } from "@openwhisk-harvest/stores";
import fc from "fast-check";
import { evaluateFamilies } from "./evaluate-families.js";
import { linearRegression } from "./families/linear.js";
import { DAG, idOf, syntheticProfiles } from "./run-fixture.kit.js";
import { cartTrainer } from "./train/cart.js";
import { mlRandomForestTrainer } from "./train/ml-random-forest.js";
import type { Trainer } from "./train/trainer.js";
import { trainDag, trainFromStores } from "./train-dag.js";

const PROFILES = syntheticProfiles(12, seededRng(1));
const first = PROFILES[0] as Profile;
const TASK = { dag: DAG, grid: PAPER_GRID, trees: 4, seed: 1, createdAtMs: 0 };

let dir: string;
let stores: Stores;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), "harvest-broken-"));
  stores = openStores({ dataDir: dir });
});
after(async () => {
  await stores.close();
  await rm(dir, { recursive: true });
});

/** Puts profiles past the store's own checks, as a damaged disk or a foreign writer would. */
function fixedProfiles(profiles: readonly unknown[]) {
  return {
    put: () => Promise.reject(new Error("training writes no profiles")),
    async *ofDag() {
      yield* profiles as Profile[];
    },
  };
}

async function requireNothingWritten(): Promise<void> {
  assert.equal(await stores.models.latest(DAG.namespace, DAG.name), undefined);
  assert.equal(await stores.models.nextVersion(DAG.namespace, DAG.name), "1");
}

const observed = (changes: object): unknown => ({ ...first, observation: { ...first.observation, ...changes } });
const BROKEN: Readonly<Record<string, readonly unknown[]>> = {
  "no profile at all": [],
  "one run": PROFILES.slice(0, 5),
  "one sample": [first],
  "a negative size of the DAG's input": [...PROFILES, { ...first, dagInputBytes: -1 }],
  "a negative size of a function's input": [...PROFILES, { ...first, functionInputBytes: -4096 }],
  "a NaN for a peak": [...PROFILES, observed({ cpuPeakCores: Number.NaN })],
  "a NaN for a size": [...PROFILES, { ...first, functionInputBytes: Number.NaN }],
  "an infinite memory peak": [...PROFILES, observed({ memoryPeakMb: Number.POSITIVE_INFINITY })],
  "a text for a number": [...PROFILES, observed({ cpuTimeMs: "12" })],
  "null for a profile": [...PROFILES, null],
  "runs of which none shows a demand": PROFILES.map((p) => ({ ...p, observation: { ...p.observation, outcome: "application error" } })),
};

describe("training from broken profiles", () => {
  for (const [what, profiles] of Object.entries(BROKEN))
    it(`refuses ${what}, and stores nothing`, async () => {
      const task = { ...TASK, profiles: fixedProfiles(profiles), models: stores.models };
      await assert.rejects(trainFromStores(task), (error) => {
        assert.ok(error instanceof HarvestError && error.code === "OWH_BAD_DATASET", String(error));
        assert.ok(error.message.length > 20 && error.message.length < 600, error.message);
        return true;
      });
      await requireNothingWritten();
      const evaluation = evaluateFamilies({ ...TASK, profiles: profiles as Profile[], clock: CLOCK, families: [linearRegression] });
      await assert.rejects(evaluation, { code: "OWH_BAD_DATASET" });
    });

  it("stores nothing when the trainer fails on the way", async () => {
    let calls = 0;
    const failing: Trainer = {
      name: "failing",
      train: (rows, options) => (++calls > 30 ? Promise.reject(new Error("out of memory")) : cartTrainer.train(rows, options)),
    };
    await assert.rejects(
      trainFromStores({ ...TASK, trainer: failing, profiles: fixedProfiles(PROFILES), models: stores.models }),
      /out of memory/,
    );
    await requireNothingWritten();
  });

  it("takes duplicate ids for what they are: one run, told twice", async () => {
    const doubled = [...PROFILES, ...PROFILES, { ...first, startMs: first.startMs }];
    const [once, twice] = [
      await trainDag({ ...TASK, version: "1", profiles: PROFILES }),
      await trainDag({ ...TASK, version: "1", profiles: doubled }),
    ];
    assert.deepEqual(twice, once);
  });

  for (const trainer of [cartTrainer, mlRandomForestTrainer])
    it(`of ${trainer.name} learns a constant target as that constant, without a band around it`, async () => {
      const constant = PROFILES.map(
        (p): Profile => ({ ...p, observation: { ...p.observation, cpuPeakCores: 1.5, memoryPeakMb: 64, cpuTimeMs: 7 } }),
      );
      const { document, forests } = await trainDag({ ...TASK, version: "1", trainer, profiles: constant, folds: 3 });
      assert.ok([...forests.memoryMb.value].every((value, i) => forests.memoryMb.feature[i] !== -1 || value === 64));
      const { history, explained } = document.calibration?.functions[0]?.targets.cpuCores ?? assert.fail();
      assert.deepEqual([history, explained], [{ mean: 1.5, p10: 1.5, p90: 1.5, p99: 1.5 }, false]);
    });
});

const CLOCK = { nowMs: () => 0, monotonicMs: () => 0, sleep: () => Promise.resolve() };

describe("a stored model", () => {
  it("is sealed: a changed byte anywhere in its document is noticed, by the seal where not by the schema", async () => {
    const { document } = await trainDag({ ...TASK, version: "1", profiles: PROFILES });
    const text = JSON.stringify(document);
    requireSeal(JSON.parse(text) as object);
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 1, max: 127 }), (at, flip) => {
        const damaged = text.slice(0, at) + String.fromCharCode(text.charCodeAt(at) ^ flip) + text.slice(at + 1);
        const read = parsed(damaged);
        // A changed name of the seal itself leaves a document that says it has none; every other change must be
        // refused.
        if (read === undefined || !("seal" in read)) return;
        if (JSON.stringify(read) === text) return; // white space that JSON does not mean
        assert.throws(() => requireSeal(read), { code: "OWH_BAD_MODEL" }, damaged.slice(Math.max(0, at - 20), at + 20));
      }),
      { numRuns: 2_000 },
    );
  });

  it("keeps its seal whatever order its keys come in, and whatever a store adds", () => {
    const document = sealed({ b: 1, a: { d: [1, { y: 2, x: 3 }], c: undefined } });
    requireSeal({ seal: document.seal, _id: "1", _rev: "2-x", a: { d: [1, { x: 3, y: 2 }] }, b: 1 });
    requireSeal({ b: 1, a: 2 }); // of an older writer
    for (const changed of [
      { ...document, b: 2 },
      { ...document, e: 1 },
      { ...document, a: { d: [1, { y: 2, x: 3 }, 4] } },
      { ...document, seal: 5 },
    ])
      assert.throws(() => requireSeal(changed), { code: "OWH_BAD_MODEL" });
  });

  it("comes back from the store as it went in, and a flipped byte of its trees never does", async () => {
    const { model } = await trainFromStores({ ...TASK, profiles: fixedProfiles(PROFILES), models: stores.models });
    const back = (await stores.models.latest(DAG.namespace, DAG.name)) as Model;
    assert.deepEqual(back.forests, model.forests);
    const { attachment } = encodeForests(model.forests);
    (attachment[attachment.length >> 1] as number) ^= 1;
    const damaged = { ...DAG, name: "damaged" };
    const database = stores.documents.database("harvest_models");
    await database.createWithAttachment("guest/damaged/000000000001", { ...model.document, dag: "damaged" }, attachment);
    await assert.rejects(stores.models.latest(damaged.namespace, damaged.name), { code: "OWH_BAD_MODEL" });
  });

  it("is never replaced by one of the same version: the second is told, and the first stays", async () => {
    const before = await stores.models.latest(DAG.namespace, DAG.name);
    const version = before?.document.version ?? assert.fail();
    const late = { ...stores.models, nextVersion: async () => version };
    await assert.rejects(trainFromStores({ ...TASK, seed: 2, profiles: fixedProfiles(PROFILES), models: late }), { code: "OWH_CONFLICT" });
    assert.deepEqual(await stores.models.latest(DAG.namespace, DAG.name), before);
  });

  it("is never trained over one of a newer format, which its readers may already use", async () => {
    const newer = { ...DAG, name: "newer" };
    const database = stores.documents.database("harvest_models");
    await database.createWithAttachment("guest/newer/000000000001", { format: 99, version: "1" }, Buffer.alloc(8));
    const profiles = fixedProfiles(PROFILES.map((p) => ({ ...p, dag: "newer" })));
    await assert.rejects(trainFromStores({ ...TASK, dag: newer, profiles, models: stores.models }), {
      code: "OWH_MODEL_TOO_NEW",
      message: /format 99/,
    });
    assert.equal(await stores.models.nextVersion("guest", "newer"), "2");
  });

  it("is trained from duplicates in the store as from one: the activation names the document", async () => {
    for (const profile of [...PROFILES, ...PROFILES]) await stores.profiles.put(profile);
    let read = 0;
    for await (const profile of stores.profiles.ofDag(DAG.namespace, DAG.name)) if (profile.root !== idOf("none")) read++;
    assert.equal(read, PROFILES.length);
  });
});

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // the store's own reader refuses it
    throw error;
  }
}
