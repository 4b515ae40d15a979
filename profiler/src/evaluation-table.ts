/** The comparison of the families as a text table. */
import { describeGrid, type ModelTarget } from "@openwhisk-harvest/core";
import type { TargetEvaluation } from "./evaluate.js";
import type { DagEvaluation, FamilyEvaluation } from "./evaluate-families.js";
import type { GridTarget, Margin } from "./evaluate-margins.js";
import { MISS_WORDS, MISSES } from "./missed.js";

/** The paper's three targets in its order, then the work. */
export const TARGET_TITLES: readonly (readonly [ModelTarget, string, unit: string])[] = [
  ["inputBytes", "input size", "bytes"],
  ["cpuCores", "CPU peak", "cores"],
  ["memoryMb", "memory peak", "MB"],
  ["workCoreMs", "work", "core-ms"],
];

const HEADINGS = ["family", "mean", "p50", "p90", "p99", "max", "accurate", "within"];
/** Against the demand instead of what was observed; only in the block of a target that has one. */
const DEMAND_HEADINGS = ["demand: error", "demand: accurate", "demand: within"];

/** Which runs `demand` is about (cpu-demand.ts). */
export const BELOW_PEAK_WORDS = "were shorter than a CFS period and need less than their observed peak";

/** One block per target: prediction error (4.1.1), accuracy (4.1.2) and the share of runs within the allocation given. */
export function renderEvaluationTable(evaluation: DagEvaluation): string {
  const { namespace, dag, runs, seed, families } = evaluation;
  const features = evaluation.ml2Features === "size" ? "input size only, as the paper's Appendix B" : "input size and ordinal";
  const blocks = TARGET_TITLES.map(([target, title, unit]) => targetBlock(families, target, `${title}, error in ${unit}`));
  const left = families.filter((f) => f.unavailable !== undefined).map((f) => `${f.name} was not evaluated: ${f.unavailable}\n`);
  return [
    `${namespace}/${dag}: ${runs.train} runs trained, ${runs.test} other runs tested (of ${runs.profiled} profiled; seed ${seed}).\n`,
    `Grid: ${describeGrid(evaluation.grid)}. ML2 features: ${features}.\n`,
    ...blocks,
    allocationBlock(evaluation),
    ...left,
  ].join("\n");
}

function targetBlock(families: readonly FamilyEvaluation[], target: ModelTarget, title: string): string {
  const rows = families.flatMap(({ name, evaluation }) => {
    const own = evaluation?.[target];
    return own ? [[name, ...cellsOf(own)]] : [];
  });
  const first = families.map((f) => f.evaluation?.[target]).find((own) => own !== undefined);
  if (!first) return `${title}: no test run shows it.\n`;
  const edges =
    first.atGridEdge === undefined ? "" : `; ${first.atGridEdge} used exactly an allocation, or more than the largest: never accurate`;
  return `${title}: ${first.samples} function runs${edges}\n${alignColumns([[...HEADINGS, ...(first.demand ? DEMAND_HEADINGS : [])], ...rows])}${missedLines(first)}${demandLine(first)}`;
}

function demandLine({ demand, samples }: TargetEvaluation): string {
  return demand ? `  demand: ${demand.belowPeak} of ${samples} ${BELOW_PEAK_WORDS}\n` : "";
}

/** Of the first family, which is the default trainer's. */
function missedLines({ missed, samples }: TargetEvaluation): string {
  if (!missed) return "";
  const lines = MISSES.filter((miss) => missed[miss] > 0).map((miss) => `    ${missed[miss]} of ${samples} ${MISS_WORDS[miss]}\n`);
  return lines.length === 0 ? "" : `  not accurate:\n${lines.join("")}`;
}

const MARGIN_TITLES: Readonly<Record<Margin, string>> = { mean: "mean (policy paper)", p90: "p90", p99: "p99 (policy makespan)" };

const MARGIN_HEADINGS = ["", "within", "spare", "accurate", "demand: within", "demand: accurate"];

/** What is allocated, by the margin added to the prediction; and what a coarser grid would forgive. */
function allocationBlock({ allocations: { margins, steps } }: DagEvaluation): string {
  const titleOf = (target: GridTarget) => TARGET_TITLES.find(([own]) => own === target)?.[1] ?? target;
  const rows = margins.map(({ target, margin, withinAllocation, meanSpare, accuracy, demand }) => [
    `${titleOf(target)}, ${MARGIN_TITLES[margin]}`,
    formatShare(withinAllocation),
    formatAmount(meanSpare),
    formatShare(accuracy),
    formatShare(demand?.withinAllocation),
    formatShare(demand?.accuracy),
  ]);
  const coarser = steps.map(({ target, step, accuracy }) => `${titleOf(target)} by ${step}: ${formatShare(accuracy)}`);
  return [
    `allocated by the calibrated forests, with a margin\n${alignColumns([MARGIN_HEADINGS, ...rows])}`,
    `  accurate, by the grid's step: ${coarser.join("; ")}\n`,
  ].join("");
}

/** In the order of HEADINGS and DEMAND_HEADINGS. */
export function cellsOf({ error, accuracy, withinAllocation, demand }: TargetEvaluation): string[] {
  const errors = [error.mean, error.p50, error.p90, error.p99, error.max].map(formatAmount);
  const ofDemand = demand ? [formatAmount(demand.meanError), formatShare(demand.accuracy), formatShare(demand.withinAllocation)] : [];
  return [...errors, formatShare(accuracy), formatShare(withinAllocation), ...ofDemand];
}

/** The first column to the left, the others to the right. */
function alignColumns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] as readonly string[]).map((_, c) => Math.max(...rows.map((row) => (row[c] as string).length)));
  const line = (row: readonly string[]) =>
    row.map((cell, c) => (c === 0 ? cell.padEnd(widths[0] as number) : cell.padStart(widths[c] as number)));
  return rows.map((row) => `  ${line(row).join("  ")}\n`).join("");
}

/** Three digits that count: 0.0123, 4.56, 78.9, 12300. */
export function formatAmount(amount: number): string {
  if (amount === 0) return "0";
  return Math.abs(amount) >= 1e6 ? amount.toExponential(2) : String(Number(amount.toPrecision(3)));
}

export function formatShare(share: number | undefined): string {
  return share === undefined ? "-" : `${(share * 100).toFixed(1)} %`;
}
