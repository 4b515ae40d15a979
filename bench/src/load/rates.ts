/**
 * The paper's loads (chapter 4): requests at a constant rate a minute, whatever becomes of those before them, for each of its workflows,
 * with user allocations (off) against harvesting by its own models. A refused request is lost: its share stands beside the times.
 */
import { fileURLToPath } from "node:url";
import { type DagDescription, meanOf, quantileOfSorted } from "@openwhisk-harvest/core";
import { type ActivationView, listActivations, rootOf, stageTimes } from "@openwhisk-harvest/profiler";
import { eventually } from "@openwhisk-harvest/testkit";
import { type Answer, invokeAtRate, invokerOf, outcomesOf } from "@openwhisk-harvest/testkit/load";
import { buildWorkload } from "../live/build-workload.js";
import { type Arm, LiveWorkflow, WORKFLOWS, type WorkflowSpec } from "../live/workflow.js";

const ARMS: Readonly<Record<"off" | "harvest", Arm>> = { off: { kind: "user" }, harvest: { kind: "harvest", policy: "makespan" } };
const INPUTS = 12;
const RECORDS_DEADLINE_MS = 60_000;

export interface RatesSize {
  readonly workflows: readonly string[];
  readonly perMinute: readonly number[];
  readonly forMs: number;
}

/** 3 loads x 3 workflows x 2 modes x 3 minutes: an hour with the profiling. */
export const FULL_RATES: RatesSize = { workflows: WORKFLOWS.map(({ name }) => name), perMinute: [15, 30, 60], forMs: 180_000 };
export const QUICK_RATES: RatesSize = { workflows: ["parallel-aes"], perMinute: [60], forMs: 15_000 };

interface RateRow {
  readonly workflow: string;
  readonly perMinute: number;
  readonly mode: keyof typeof ARMS;
  readonly answers: readonly Answer[];
  readonly stageMs: readonly number[];
}

export async function benchRates({ workflows, perMinute, forMs }: RatesSize, onLine: (line: string) => void): Promise<string> {
  const rows: RateRow[] = [];
  for (const spec of WORKFLOWS.filter(({ name }) => workflows.includes(name))) {
    buildWorkload(fileURLToPath(new URL(`../../../workloads/${spec.name}`, import.meta.url)), onLine);
    const workflow = await LiveWorkflow.start(spec);
    try {
      for (const rate of perMinute)
        for (const mode of ["off", "harvest"] as const) {
          const row = await atRate(workflow, spec, mode, { perSecond: rate / 60, forMs });
          onLine(rowOf(row));
          rows.push(row);
        }
    } finally {
      await workflow.close();
    }
  }
  return ratesTable(rows);
}

async function atRate(
  workflow: LiveWorkflow,
  { name }: WorkflowSpec,
  mode: RateRow["mode"],
  arrivals: { readonly perSecond: number; readonly forMs: number },
): Promise<RateRow> {
  const { own, stack } = workflow;
  const inputs = await workflow.inputs(INPUTS, 21);
  await workflow.use(own, ARMS[mode]);
  const invoke = invokerOf(stack.standalone, own.dag.name);
  const sinceMs = Date.now();
  const answers: Answer[] = [];
  await invokeAtRate(async (n) => answers.push(await invoke(inputs[n % inputs.length])), arrivals);
  const stageMs = await stagesOf(workflow, outcomesOf(answers).succeeded, sinceMs);
  return { workflow: name, perMinute: 60 * arrivals.perSecond, mode, answers, stageMs };
}

/** Of the first stage of each run; records are written after the answers. */
async function stagesOf({ own }: LiveWorkflow, succeeded: readonly Answer[], sinceMs: number): Promise<number[]> {
  const ids = succeeded.flatMap(({ activationId }) => activationId ?? []);
  const look = async () => {
    const times = firstStages(own.dag, ids, await listActivations(own.client, sinceMs));
    return times.length === ids.length && times;
  };
  return eventually(look, `the records of ${ids.length} runs`, RECORDS_DEADLINE_MS);
}

function firstStages(dag: DagDescription, ids: readonly string[], activations: readonly ActivationView[]): number[] {
  const records = new Map(activations.map((record) => [record.activationId, record]));
  return ids.flatMap((id) => {
    const record = records.get(id);
    const root = record && rootOf(record);
    const [stage] = root === undefined ? [] : stageTimes({ dag, root, activations });
    return stage?.complete ? [stage.durationMs] : [];
  });
}

function rowOf({ workflow, perMinute, mode, answers, stageMs }: RateRow): string {
  const { succeeded, refused, failed } = outcomesOf(answers);
  const share = `${((100 * refused.length) / answers.length).toFixed(0)} %`;
  const times = [...meanAndP99(stageMs), ...meanAndP99(succeeded.map(({ tookMs }) => tookMs))];
  return `| ${[workflow, perMinute, mode, answers.length, share, failed.length, ...times].join(" | ")} |`;
}

function meanAndP99(ms: readonly number[]): string[] {
  if (ms.length === 0) return ["-", "-"];
  return [meanOf(ms), quantileOfSorted(Float64Array.from(ms).sort(), 0.99)].map((value) => value.toFixed(0));
}

function ratesTable(rows: readonly RateRow[]): string {
  return [
    "| workflow | a minute | mode | requests | refused (429) | failed | stage mean ms | stage p99 ms | end to end mean ms | end to end p99 ms |",
    "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows.map(rowOf),
  ].join("\n");
}
