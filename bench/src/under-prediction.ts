/**
 * Under-prediction on purpose: models that return half of the truth, for all functions or for the one with most work alone, which
 * harvesting then takes from. Nothing may fail, and no stage may take much longer than with user allocations.
 */
import { type Model, type ModelError, meanOf, scaledModel } from "@openwhisk-harvest/core";
import { runRound } from "./live/rounds.js";
import { type Arm, type LiveRun, LiveWorkflow } from "./live/workflow.js";

/** H5 in figures: a stage may take this much of its time with user allocations, and this much more. */
const SHARE_OF_OFF = 1.05;
const GRACE_MS = 300;

const HALF = { cpuCores: 0.5, memoryMb: 0.5, workCoreMs: 0.5 } as const;

export interface UnderPredictionRow {
  readonly arm: string;
  readonly runs: number;
  readonly stageMeanMs: number;
  readonly stageMaxMs: number;
  readonly limitMs: number;
  readonly harvested: number;
  readonly givenBack: number;
  readonly failed: number;
  readonly memoryKills: number;
}

export async function benchUnderPrediction({ inputs, rounds }: { inputs: number; rounds: number }): Promise<UnderPredictionRow[]> {
  const workflow = await LiveWorkflow.start({ name: "parallel-aes", minBytes: 60_000, maxBytes: 120_000, profiledInputs: 20 });
  try {
    const largest = workflow.branches().at(-1)?.index ?? 0;
    const smallest = workflow.branches().at(0)?.index ?? 0;
    const arms: Record<string, Arm> = {
      off: { kind: "user" },
      "true model": { kind: "harvest", policy: "makespan", model: await newestModel(workflow) },
      "all halved": await wrong(workflow, { factors: HALF }),
      "largest halved": await wrong(workflow, { factors: HALF, functions: [largest] }),
      "smallest halved": await wrong(workflow, { factors: HALF, functions: [smallest] }),
      "largest a quarter": await wrong(workflow, { factors: { ...HALF, workCoreMs: 0.25 }, functions: [largest] }),
    };
    const names = Object.keys(arms);
    const runs = new Map<string, LiveRun[]>(names.map((name) => [name, []]));
    const requests = await workflow.inputs(inputs, 7);
    for (const name of names) await workflow.run(workflow.own, arms[name] as Arm, requests[0] ?? {}); // warm containers
    for (let round = 0; round < rounds; round++)
      for (const request of requests)
        await runRound(names, round, async (name) => {
          const run = await workflow.run(workflow.own, arms[name] as Arm, request);
          runs.get(name)?.push(run);
          return run.stageMs;
        });
    const offMeanMs = meanOf(runs.get("off")?.map((run) => run.stageMs) ?? []);
    return names.map((name) => rowOf(name, runs.get(name) ?? [], SHARE_OF_OFF * offMeanMs + GRACE_MS));
  } finally {
    await workflow.close();
  }
}

async function newestModel({ stack, own: { dag } }: LiveWorkflow): Promise<string> {
  return (await modelOf(stack.stores.models, dag)).document.version;
}

async function modelOf(models: LiveWorkflow["stack"]["stores"]["models"], dag: LiveWorkflow["own"]["dag"]): Promise<Model> {
  const model = await models.latest(dag.namespace, dag.name);
  if (!model) throw new Error("No model was trained.");
  return model;
}

/** Derived from version 1, the true model; a later version, which only this arm pins. */
async function wrong({ stack, own: { dag } }: LiveWorkflow, error: ModelError): Promise<Arm> {
  const { models, pins } = stack.stores;
  await pins.put(dag.namespace, dag.name, { v: 1, model: "1", sinceMs: 0 });
  const truth = await modelOf(models, dag);
  const version = await models.nextVersion(dag.namespace, dag.name);
  await models.put(scaledModel(truth, error, version));
  return { kind: "harvest", policy: "makespan", model: version };
}

function rowOf(arm: string, runs: readonly LiveRun[], limitMs: number): UnderPredictionRow {
  const stageMs = runs.map((run) => run.stageMs);
  const total = (of: (run: LiveRun) => number) => runs.reduce((sum, run) => sum + of(run), 0);
  return {
    arm,
    runs: runs.length,
    stageMeanMs: meanOf(stageMs),
    stageMaxMs: Math.max(...stageMs),
    limitMs,
    harvested: total(
      (run) => run.observations.filter(({ allocated, moved, user }) => moved || allocated.cpuCores !== user.cpuCores).length,
    ),
    givenBack: total((run) => run.observations.filter(({ moved }) => moved?.givenBack).length),
    failed: total((run) => run.failed),
    memoryKills: total((run) => run.memoryKills),
  };
}

export function underPredictionTable(rows: readonly UnderPredictionRow[]): string {
  const ms = (value: number) => `${Math.round(value)} ms`;
  const lines = rows.map(
    (r) =>
      `| ${r.arm} | ${r.runs} | ${ms(r.stageMeanMs)} | ${ms(r.stageMaxMs)} | ${ms(r.limitMs)} | ${r.stageMeanMs <= r.limitMs ? "yes" : "no"} | ` +
      `${r.harvested} | ${r.givenBack} | ${r.failed} | ${r.memoryKills} |`,
  );
  return [
    `| models | runs | stage mean | stage max | ${SHARE_OF_OFF} x off + ${GRACE_MS} ms | within | harvested runs | given back by the node | failed | memory kills |`,
    "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}
