/**
 * What is allocated, against what is used: the accuracy of 4.1.2 asks how close a prediction is, a user whether the allocation
 * holds. So the calibrated models of the same split are asked for every margin that a policy may add, on the same test runs; and
 * for grids of coarser steps, which forgive more. As in evaluate.ts, the plain figures are the paper's, of what was observed.
 */
import {
  ceilToGrid,
  type Grid,
  type GridAxis,
  type Model,
  meanOf,
  type Prediction,
  type Profile,
  predictCalibrated,
} from "@openwhisk-harvest/core";
import { type GridShares, gridSharesOf, isAccurate } from "./accuracy.js";
import { cpuDemandCores } from "./cpu-demand.js";
import { showsCpuDemand, showsMemoryDemand } from "./run-mark.js";

export const MARGINS = ["mean", "p90", "p99"] as const;
export type Margin = (typeof MARGINS)[number];

export type GridTarget = "cpuCores" | "memoryMb";
export const GRID_TARGETS: readonly GridTarget[] = ["cpuCores", "memoryMb"];

/** The shares are of the prediction with its margin. */
export interface MarginEvaluation extends GridShares {
  readonly target: GridTarget;
  readonly margin: Margin;
  readonly samples: number;
  /** Held against the demand instead (cpu-demand.ts); only for CPU. */
  readonly demand?: GridShares;
  /** Allocated, but not used at the peak; in the target's unit. */
  readonly meanSpare: number;
}

export interface StepEvaluation {
  readonly target: GridTarget;
  readonly step: number;
  /** Of the mean, without a margin. */
  readonly accuracy: number;
}

export interface AllocationEvaluation {
  readonly margins: readonly MarginEvaluation[];
  readonly steps: readonly StepEvaluation[];
  /** Test runs of functions that a decision would not believe its prediction for; they are counted all the same. */
  readonly distrusted: number;
}

interface Asked {
  readonly target: GridTarget;
  readonly observed: number;
  readonly demand: number;
  readonly predicted: Readonly<Record<Margin, number>>;
}

/** `model` was trained without these runs. */
export function evaluateMargins(model: Model, profiles: readonly Profile[], grid: Grid, minSamples: number): AllocationEvaluation {
  const asked: Asked[] = [];
  let distrusted = 0;
  for (const profile of profiles) {
    const { predicted, distrust } = predictCalibrated({ model, dagVersion: profile.dagVersion, at: profile, minSamples });
    if (distrust) distrusted++;
    for (const target of GRID_TARGETS) {
      const shown = shownBy(profile, target);
      if (shown) asked.push({ target, ...shown, predicted: withMargins(predicted[target]) });
    }
  }
  const of = (target: GridTarget) => asked.filter((one) => one.target === target);
  const shown = GRID_TARGETS.filter((target) => of(target).length > 0);
  return {
    margins: shown.flatMap((target) => MARGINS.map((margin) => evaluateMargin(of(target), target, margin, grid[target]))),
    steps: shown.flatMap((target) => coarserAxes(grid[target]).map((axis) => evaluateStep(of(target), target, axis))),
    distrusted,
  };
}

/** As the sidecar's normalizer: of a history, p90 is the least that is reserved. */
function withMargins({ mean: forest, p90, p99 = p90, basis }: Prediction): Asked["predicted"] {
  const mean = basis === "history" ? Math.max(forest, p90) : forest;
  return { mean, p90: Math.max(mean, p90), p99: Math.max(mean, p99) };
}

/** Undefined when the run shows nothing of it. */
function shownBy({ observation }: Profile, target: GridTarget): Pick<Asked, "observed" | "demand"> | undefined {
  const { cpuPeakCores, memoryPeakMb } = observation;
  if (target === "cpuCores")
    return showsCpuDemand(observation) ? { observed: cpuPeakCores, demand: cpuDemandCores(observation) } : undefined;
  return showsMemoryDemand(observation) ? { observed: memoryPeakMb, demand: memoryPeakMb } : undefined;
}

function evaluateMargin(asked: readonly Asked[], target: GridTarget, margin: Margin, axis: GridAxis): MarginEvaluation {
  const sharesBy = (actual: "observed" | "demand") =>
    gridSharesOf(
      axis,
      asked.map((one) => ({ predicted: one.predicted[margin], actual: one[actual] })),
    );
  return {
    target,
    margin,
    samples: asked.length,
    ...sharesBy("observed"),
    ...(target === "cpuCores" && { demand: sharesBy("demand") }),
    meanSpare: meanOf(asked.map(({ predicted, observed }) => ceilToGrid(axis, predicted[margin]) - observed)),
  };
}

/** The grid's own steps, and twice and four times as large ones, while there is more than one step. */
function coarserAxes({ min, max, step }: GridAxis): GridAxis[] {
  const steps = [step, 2 * step, 4 * step].filter((own) => own === step || own < max);
  return steps.map((own) => ({ min: own === step ? min : own, max, step: own }));
}

function evaluateStep(asked: readonly Asked[], target: GridTarget, axis: GridAxis): StepEvaluation {
  const accurate = asked.filter(({ predicted, observed }) => isAccurate(axis, predicted.mean, observed)).length;
  return { target, step: axis.step, accuracy: accurate / asked.length };
}
