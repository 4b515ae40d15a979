/**
 * A decision in words, line by line, for `harvest explain` and the demo: what was known, what was predicted with which
 * spread, which function gave and which received how much, the verdicts with their reasons, what is expected of it and
 * what came of it. Pure; plain text.
 */
import { describeGrid, type FunctionDecision, roundAmount, type StageDecision } from "@openwhisk-harvest/core";
import { branchesOf, sharingBranches } from "./decide/sharing.js";
import type { Resource } from "./decide/state.js";
import type { DecisionRecord } from "./decision-record.js";
import { explainOutcome } from "./explain-outcome.js";
import { predictionLines } from "./explain-predictions.js";
import { DISTRUST_WORDS, keepsWords, REASON_WORDS, UNPUBLISHED_WORDS } from "./explain-words.js";
import type { StageRecord } from "./ledger/stage-record.js";
import { number, tableOf, withCommas } from "./table.js";

const UNITS: Readonly<Record<Resource, string>> = { cpuCores: "cores", memoryMb: "MB" };

export function explainDecision(decision: DecisionRecord): string[] {
  const { stages, ledger = [] } = decision;
  return [
    ...headOf(decision),
    ...(stages.length === 0 ? ["", "No parallel stage was looked at."] : stages.flatMap((stage) => ["", ...explainStage(stage)])),
    ...ledger.flatMap((record) => ["", ...explainOutcome(record, stages)]),
    "",
    timeTaken(decision.stepMs),
  ];
}

function headOf({
  id,
  namespace,
  dag,
  dagVersion,
  mode,
  policy,
  grid,
  modelVersion,
  inputBytes,
  published,
  unpublished,
  ledger = [],
}: DecisionRecord): string[] {
  const why = unpublished ? ` (${unpublished}: ${UNPUBLISHED_WORDS[unpublished]})` : "";
  return [
    `Decision ${id}`,
    ...tableToTheLeft([
      ["workflow", `/${namespace}/${dag}, version ${dagVersion}`],
      ["mode", `${mode}, policy ${policy}`],
      ["published", published ? "yes, Redis has it" : `no${why}`],
      ...(published ? [["in force", inForce(ledger)] as const] : []),
      ["input", `${withCommas(inputBytes)} bytes`],
      ["model", modelVersion === undefined ? "none" : `version ${modelVersion}`],
      ["grid", describeGrid(grid)],
    ]),
  ];
}

/**
 * Only runs whose fork was stamped with the decision, and whose applier gave what it says, tell the ledger anything.
 */
function inForce(ledger: readonly StageRecord[]): string {
  const runs = ledger.reduce((sum, record) => sum + record.runs.length, 0);
  return runs === 0 ? "not that is known: no run has told that it was given this" : `for ${runs} run${runs === 1 ? "" : "s"}`;
}

function explainStage(stage: StageDecision): string[] {
  const { forkPath, kind, functions, budget, predictedMs, cpu } = stage;
  const name = `Stage ${forkPath || "(root)"}, ${kind}`;
  if (cpu.reason === "decided-at-fork") return [`${name}: ${REASON_WORDS[cpu.reason]} (${cpu.reason})`, ...functions.flatMap(whyLeftOut)];
  return [
    `${name} of ${branchesOf(functions).length}: budget ${amount(budget.cpuCores)} cores and ${amount(budget.memoryMb)} MB`,
    ...predictionLines(functions),
    ...functions.flatMap(whyLeftOut),
    ...explainResource(stage, "cpuCores"),
    ...explainResource(stage, "memoryMb"),
    ...(predictedMs ? [expected(predictedMs)] : []),
  ];
}

function whyLeftOut({ name, excluded, predicted }: FunctionDecision): string[] {
  if (excluded) return [`  ${keepsWords(name, excluded)}.`];
  const distrust = predicted?.distrust;
  return distrust ? [`  ${name} keeps its user allocation: ${DISTRUST_WORDS[distrust]} (${distrust}).`] : [];
}

function explainResource(stage: StageDecision, resource: Resource): string[] {
  const { accepted, reason } = resource === "cpuCores" ? stage.cpu : stage.memory;
  const verdict = `  ${resource === "cpuCores" ? "CPU" : "Memory"}: ${accepted ? "accepted" : "user allocations"}, ${REASON_WORDS[reason]} (${reason}).`;
  const branches = sharingBranches(stage.functions, resource);
  if (branches.length === 0) return [verdict];
  const rows = branches.flat().map((fn) => [fn.name, ...amountsOf(fn, resource), accepted ? changeOf(fn, resource) : "keeps"]);
  const spent = branches.map((branch) => Math.max(...branch.map((fn) => fn.allocation[resource] ?? 0)));
  const unused = roundAmount(stage.budget[resource] - spent.reduce((sum, one) => sum + one, 0));
  return [
    verdict,
    ...tableOf([[UNITS[resource], "demand", "user", "allocation", ""], ...rows], "    "),
    ...(accepted && unused > 0 ? [`    ${amount(unused)} ${UNITS[resource]} of the budget stay unused.`] : []),
  ];
}

function amountsOf({ demand, user, allocation }: FunctionDecision, resource: Resource): string[] {
  return [demand?.[resource], user[resource], allocation[resource]].map((value) => (value === undefined ? "-" : amount(value)));
}

function changeOf({ user, allocation }: FunctionDecision, resource: Resource): string {
  const change = roundAmount((allocation[resource] ?? 0) - (user[resource] ?? 0));
  if (change === 0) return "keeps";
  return `${change > 0 ? "receives" : "gives"} ${amount(Math.abs(change))}`;
}

function expected({ user, allocated }: NonNullable<StageDecision["predictedMs"]>): string {
  const change = user > 0 ? ` (${((100 * (allocated - user)) / user).toFixed(1)} %)` : "";
  return `  Predicted time of the stage: ${number(user)} ms with the user allocations, ${number(allocated)} ms as decided${change}.`;
}

function timeTaken(stepMs: DecisionRecord["stepMs"]): string {
  const steps = Object.entries(stepMs);
  const totalMs = steps.reduce((sum, [, ms]) => sum + ms, 0);
  return `Decided in ${totalMs.toFixed(2)} ms: ${steps.map(([step, ms]) => `${step} ${ms.toFixed(2)}`).join(", ")}.`;
}

/** Labels padded to a column, values as they are. */
function tableToTheLeft(rows: readonly (readonly [label: string, value: string])[]): string[] {
  const width = Math.max(...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
}

/** An allocation, exactly. */
function amount(value: number): string {
  return String(roundAmount(value));
}
