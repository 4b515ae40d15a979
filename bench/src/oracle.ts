/**
 * How near to the best possible split each policy comes, live and enforced: the parallel stage with user allocations
 * (off), under the policies paper and makespan, and under the oracle, the best of all splits of the same budget on the
 * grid.
 *
 * The oracle knows what no policy can: it has measured every split with this very input. First every split is run a few
 * times in a copy of the workflow whose user allocations are that split; then, in fresh rounds, the best one against
 * the others. Choosing and measuring on the same runs would make the oracle look better than it is.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { meanOf, quantileOfSorted, roundAmount, seededRng } from "@openwhisk-harvest/core";
import { bootstrapInterval, type Interval } from "./live/bootstrap.js";
import { type Round, runRound } from "./live/rounds.js";
import { splitsOf } from "./live/splits.js";
import { type Arm, type Deployment, type Input, LiveWorkflow, WORKFLOWS, type WorkflowSpec } from "./live/workflow.js";

const ARMS = ["off", "paper", "makespan", "oracle"] as const;
type ArmName = (typeof ARMS)[number];

const USER: Arm = { kind: "user" };
const DECIDED: Readonly<Record<"paper" | "makespan", Arm>> = {
  paper: { kind: "harvest", policy: "paper" },
  makespan: { kind: "harvest", policy: "makespan" },
};

export interface OracleSize {
  readonly workflows: readonly string[];
  readonly inputs: number;
  /** Runs of every split with every input, from which the oracle's is chosen. */
  readonly searchRuns: number;
  readonly rounds: number;
}
/** Without ml-pipeline, whose four branches have 35 splits to be searched. */
export const QUICK_ORACLE: OracleSize = { workflows: ["parallel-aes", "video-analytics"], inputs: 1, searchRuns: 1, rounds: 4 };
export const FULL_ORACLE: OracleSize = { workflows: WORKFLOWS.map(({ name }) => name), inputs: 3, searchRuns: 3, rounds: 12 };

export interface OracleResult {
  readonly workflow: string;
  readonly splits: number;
  /** The best split for each input, in cores by branch. */
  readonly best: readonly (readonly number[])[];
  readonly rounds: readonly Round<ArmName>[];
}

export async function benchOracle(size: OracleSize, onProgress: (line: string) => void): Promise<OracleResult[]> {
  const results: OracleResult[] = [];
  for (const spec of WORKFLOWS.filter((each) => size.workflows.includes(each.name) && isReady(each)))
    results.push(await oneWorkflow(spec, size, onProgress));
  return results;
}

/** The workflows with packages of their own have to be built first. */
function isReady({ name }: WorkflowSpec): boolean {
  return name === "parallel-aes" || existsSync(fileURLToPath(new URL(`../../workloads/${name}/dist`, import.meta.url)));
}

async function oneWorkflow(spec: WorkflowSpec, size: OracleSize, onProgress: (line: string) => void): Promise<OracleResult> {
  const workflow = await LiveWorkflow.start(spec);
  try {
    const branches = workflow.branches();
    const budget = roundAmount(branches.reduce((sum, { user }) => sum + (user.cpuCores ?? 0), 0));
    const splits = splitsOf(workflow.stack.grid.cpuCores, budget, branches.length);
    onProgress(`${spec.name}: ${splits.length} splits of ${budget} cores`);
    const copies: Deployment[] = [];
    for (const [i, split] of splits.entries()) copies.push(await workflow.copyWith(`split${i}`, split));
    const inputs = await workflow.inputs(size.inputs, 11);
    await warmUp(workflow, copies);

    const best: number[] = [];
    for (const input of inputs) best.push(await bestCopy(workflow, copies, input, size.searchRuns));
    onProgress(`${spec.name}: the oracle has chosen ${best.map((i) => splits[i]?.join("/")).join(", ")}`);
    const rounds: Round<ArmName>[] = [];
    for (let round = 0; round < size.rounds; round++)
      for (const [i, input] of inputs.entries()) {
        const oracle = copies[best[i] as number] as Deployment;
        rounds.push(await runRound(ARMS, round, (arm) => stageMsOf(workflow, arm, oracle, input)));
      }
    return { workflow: spec.name, splits: splits.length, best: best.map((i) => splits[i] as number[]), rounds };
  } finally {
    await workflow.close();
  }
}

/** No function starts cold in what is measured. */
async function warmUp(workflow: LiveWorkflow, copies: readonly Deployment[]): Promise<void> {
  const [smallest] = await workflow.inputs(1, 1, "smallest");
  for (const deployment of [workflow.own, ...copies]) await workflow.run(deployment, USER, smallest ?? {});
}

/**
 * The split with the smallest mean. Every pass over the splits begins elsewhere, so that a slow moment does not hit the
 * same ones.
 */
async function bestCopy(workflow: LiveWorkflow, copies: readonly Deployment[], input: Input, searchRuns: number): Promise<number> {
  const names = copies.map((_, i) => String(i));
  const passes: Round<string>[] = [];
  for (let pass = 0; pass < searchRuns; pass++)
    passes.push(
      await runRound(names, Math.floor((pass * names.length) / searchRuns), async (name) => {
        const run = await workflow.run(copies[Number(name)] as Deployment, USER, input);
        return run.stageMs;
      }),
    );
  const means = names.map((name) => meanOf(passes.map((pass) => pass[name] as number)));
  return means.indexOf(Math.min(...means));
}

async function stageMsOf(workflow: LiveWorkflow, arm: ArmName, oracle: Deployment, input: Input): Promise<number> {
  if (arm === "oracle") return (await workflow.run(oracle, USER, input)).stageMs;
  return (await workflow.run(workflow.own, arm === "off" ? USER : DECIDED[arm], input)).stageMs;
}

/** How much of the time that the oracle saves the arm saves, too. */
export function shareOfOracle(rounds: readonly Round<ArmName>[], arm: ArmName): number {
  const mean = (name: ArmName) => meanOf(rounds.map((round) => round[name]));
  return (mean("off") - mean(arm)) / (mean("off") - mean("oracle"));
}

export function oracleTable(results: readonly OracleResult[]): string {
  return [
    "| workflow | arm | rounds | stage mean | stage p99 | share of the oracle's gain | 95 % interval |",
    "| --- | --- | ---: | ---: | ---: | ---: | --- |",
    ...results.flatMap((result) => ARMS.map((arm) => rowOf(result, arm))),
    "",
    ...results.map(
      ({ workflow, splits, best }) => `${workflow}: best of ${splits} splits ${best.map((split) => split.join("/")).join(", ")}.`,
    ),
  ].join("\n");
}

function rowOf({ workflow, rounds }: OracleResult, arm: ArmName): string {
  const times = Float64Array.from(rounds, (round) => round[arm]).sort();
  const isCompared = arm === "paper" || arm === "makespan";
  const share = isCompared ? percent(shareOfOracle(rounds, arm)) : "";
  const interval = isCompared ? inWords(bootstrapInterval(rounds, (drawn) => shareOfOracle(drawn, arm), { rng: seededRng(1) })) : "";
  const ms = (value: number) => `${Math.round(value)} ms`;
  return `| ${workflow} | ${arm} | ${times.length} | ${ms(meanOf(times))} | ${ms(quantileOfSorted(times, 0.99))} | ${share} | ${interval} |`;
}

const percent = (share: number) => `${Math.round(100 * share)} %`;
const inWords = ({ low, high }: Interval) => `${percent(low)} to ${percent(high)}`;
