/**
 * Drift: how a model does on runs that it was not trained on because they came later. What it promised is in its calibration: 80 %
 * of runs within their bands. Where significantly more lie outside, the functions have changed, or the inputs.
 *
 * A CPU peak below its band says nothing: neighbours on a busy host, or a small user allocation, lower it. Only peaks above count,
 * of which 10 % were promised; that a function needs less shows in its work.
 */
import {
  type CalibratedPrediction,
  type Calibration,
  type FunctionCalibration,
  MODEL_TARGETS,
  type Model,
  type ModelTarget,
  meanOf,
  type Profile,
  predictCalibrated,
} from "@openwhisk-harvest/core";
import { chainPairs, type Pair, predictChain } from "./evaluate.js";

/** Fewer runs of a function than this say nothing about a rate. */
const LEAST_RUNS = 20;

/** Standard deviations above the promised rate. At 4, a look at an unchanged DAG of 8 functions (32 quantities) gives false alarm once in 1,000. */
const ALARM_DEVIATIONS = 4;

/** Codes are stable. */
export type DriftVerdict =
  /** As many runs lie outside their bands as were promised. */
  | "no-drift"
  /** Significantly more do. */
  | "drifted"
  /** The DAG was deployed anew since. */
  | "model-older-than-dag"
  /** The model promises nothing that could be held against it. */
  | "not-calibrated"
  | "too-few-runs";

/** One quantity of one function since the model was trained. */
export interface QuantityDrift {
  readonly functionIndex: number;
  readonly target: ModelTarget;
  readonly runs: number;
  /** Mean of |P - A|, in the target's unit. */
  readonly meanAbsoluteError: number;
  readonly outsideBand: number;
  /** How many standard deviations the share outside (of CPU peaks: above) lies above the promised one. */
  readonly deviations: number;
}

export interface Drift {
  readonly verdict: DriftVerdict;
  /** The metric: the largest of the quantities' deviations; 0 when none has runs enough. */
  readonly deviations: number;
  /** Share of all compared runs that lie outside their bands; 0.2 is what is promised. */
  readonly outsideShare: number;
  readonly quantities: readonly QuantityDrift[];
  /** Runs whose size the model was never trained for; they are not compared. */
  readonly outsideRange: number;
}

export interface DriftQuery {
  readonly model: Model;
  /** Of the DAG as it is deployed now. */
  readonly dagVersion: string;
  /** Runs since the model was trained. Those that were throttled, or ran under harvested limits, show no demand and are passed over. */
  readonly profiles: Iterable<Profile> | AsyncIterable<Profile>;
}

/** Reads the profiles one by one and keeps only what is counted. */
export async function driftOf({ model, dagVersion, profiles }: DriftQuery): Promise<Drift> {
  const { calibration } = model.document;
  const tally = new Map<string, Tally>();
  let outsideRange = 0;
  if (withoutLooking(model, dagVersion) === undefined)
    for await (const profile of profiles) {
      if (profile.dagVersion !== dagVersion) continue;
      const { distrust, predicted } = predictCalibrated({ model, dagVersion, at: profile, minSamples: 0 });
      if (distrust === "outside-profiled-range") outsideRange++;
      else for (const pair of chainPairs((at) => predictChain(model.forests, at), [profile])) count(tally, pair, predicted[pair.target]);
    }
  const quantities = [...tally.values()].flatMap((own) => driftOfQuantity(own, calibration) ?? []);
  return { ...summaryOf(model, dagVersion, quantities), quantities, outsideRange };
}

interface Tally {
  readonly functionIndex: number;
  readonly target: ModelTarget;
  readonly errors: number[];
  outside: number;
  above: number;
}

function count(tally: Map<string, Tally>, { target, profile, actual }: Pair, { mean, p10, p90, basis }: CalibratedPrediction): void {
  if (basis === "trees") return; // a function that the calibration has not seen promises nothing
  const { functionIndex } = profile;
  const own = tally.get(`${functionIndex} ${target}`) ?? { functionIndex, target, errors: [], outside: 0, above: 0 };
  tally.set(`${functionIndex} ${target}`, own);
  own.errors.push(Math.abs(mean - actual));
  if (actual < p10 || actual > p90) own.outside++;
  if (actual > p90) own.above++;
}

/**
 * The promised rate is itself an estimate from as many runs as were calibrated with, so both samples' variances count (a test of
 * two proportions); without that, a model of few runs would be called drifted for having been lucky.
 */
function driftOfQuantity(
  { functionIndex, target, errors, outside, above }: Tally,
  calibration: Calibration | undefined,
): QuantityDrift | undefined {
  const calibrated = functionOf(calibration, functionIndex)?.targets[target];
  if (!calibration || !calibrated) return undefined;
  const isOneSided = target === "cpuCores";
  const promised = isOneSided ? (1 - calibration.coverage) / 2 : 1 - calibration.coverage;
  const share = (isOneSided ? above : outside) / errors.length;
  const variance = promised * (1 - promised) * (1 / errors.length + 1 / calibrated.samples);
  const deviations = (share - promised) / Math.sqrt(variance);
  return { functionIndex, target, runs: errors.length, meanAbsoluteError: meanOf(errors), outsideBand: outside, deviations };
}

function functionOf(calibration: Calibration | undefined, index: number): FunctionCalibration | undefined {
  return calibration?.functions.find((own) => own.index === index);
}

function summaryOf(
  model: Model,
  dagVersion: string,
  quantities: readonly QuantityDrift[],
): Pick<Drift, "verdict" | "deviations" | "outsideShare"> {
  const compared = quantities.filter(({ runs }) => runs >= LEAST_RUNS);
  const deviations = compared.length === 0 ? 0 : Math.max(...compared.map((q) => q.deviations));
  const total = (of: (q: QuantityDrift) => number) => quantities.reduce((sum, q) => sum + of(q), 0);
  const outsideShare = quantities.length === 0 ? 0 : total((q) => q.outsideBand) / total((q) => q.runs);
  const byRate = compared.length === 0 ? "too-few-runs" : deviations > ALARM_DEVIATIONS ? "drifted" : "no-drift";
  return { verdict: withoutLooking(model, dagVersion) ?? byRate, deviations, outsideShare };
}

/** What can be said of the model before any run is compared. */
function withoutLooking({ document }: Model, dagVersion: string): DriftVerdict | undefined {
  if (document.dagVersion !== dagVersion) return "model-older-than-dag";
  return document.calibration ? undefined : "not-calibrated";
}

/** Mean production error per target, over all functions, for a metric. */
export function productionErrors({ quantities }: Drift): Partial<Record<ModelTarget, number>> {
  const errors: Partial<Record<ModelTarget, number>> = {};
  for (const target of MODEL_TARGETS) {
    const own = quantities.filter((q) => q.target === target);
    const runs = own.reduce((sum, q) => sum + q.runs, 0);
    if (runs > 0) errors[target] = own.reduce((sum, q) => sum + q.meanAbsoluteError * q.runs, 0) / runs;
  }
  return errors;
}
