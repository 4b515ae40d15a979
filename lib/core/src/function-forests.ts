/**
 * The forests of a model as one function asks them: everything but the size is fixed, so the steps of a mean can be laid out once
 * (step-forest.ts). Laying out costs as much as some hundred walks. So nothing is laid out before it has been asked for, and then by
 * layOutNext() alone, one forest at a time: no single decision pays for all of them. Answers never depend on what is laid out.
 */
import type { FunctionCalibration } from "./calibration.js";
import { seededRng } from "./clock.js";
import { type FlatForest, meanOf, predictTrees } from "./forest.js";
import { MODEL_TARGETS, type Model, type ModelTarget } from "./model.js";
import { enteredForest, type StepForest, stepForestOf, stepMean } from "./step-forest.js";

/** The size is the first feature of every target (MODEL_FEATURES). */
const SIZE = 0;

interface AskedForest {
  readonly entered: FlatForest;
  readonly x: Float64Array;
  /** Set when a mean was wanted, which is what steps are for. */
  isWanted: boolean;
  steps?: StepForest;
}

export class FunctionForests {
  readonly calibration: FunctionCalibration | undefined;
  /** A permutation of the trees' numbers, another one for every function. */
  readonly order: Uint32Array;
  readonly #forests: Readonly<Record<ModelTarget, AskedForest>>;

  constructor({ document, forests }: Model, functionIndex: number, stage: number) {
    this.calibration = document.calibration?.functions.find(({ index }) => index === functionIndex);
    this.order = permutation(forests.workCoreMs.roots.length, functionIndex);
    const asked = {} as Record<ModelTarget, AskedForest>;
    for (const target of MODEL_TARGETS) {
      const x = [Number.NaN, functionIndex, stage];
      asked[target] = { entered: enteredForest(forests[target], x, SIZE), x: Float64Array.from(x), isWanted: false };
    }
    this.#forests = asked;
  }

  /** What every tree says of a size. */
  trees(target: ModelTarget, size: number): Float64Array {
    const { entered, x } = this.#forests[target];
    x[SIZE] = size;
    return predictTrees(entered, x);
  }

  /** meanOf(trees(target, size)). */
  mean(target: ModelTarget, size: number): number {
    const asked = this.#forests[target];
    if (asked.steps) return stepMean(asked.steps, size);
    asked.isWanted = true;
    return meanOf(this.trees(target, size));
  }

  /** Lays out one forest whose mean was asked for; false when there is none left. */
  layOutNext(): boolean {
    for (const asked of Object.values(this.#forests)) {
      if (!asked.isWanted || asked.steps) continue;
      asked.steps = stepForestOf(asked.entered, [...asked.x], SIZE);
      return true;
    }
    return false;
  }
}

/** Of each model, its functions by ordinal and stage. Goes with the model. */
const known = new WeakMap<Model, Map<string, FunctionForests>>();

export function forestsOfFunction(model: Model, functionIndex: number, stage: number): FunctionForests {
  const ofModel = known.get(model) ?? new Map<string, FunctionForests>();
  known.set(model, ofModel);
  const key = `${functionIndex} ${stage}`;
  const forests = ofModel.get(key) ?? new FunctionForests(model, functionIndex, stage);
  ofModel.set(key, forests);
  return forests;
}

/** Makes the next predictions of the model faster, by one forest; false when everything that was asked for is laid out. */
export function layOutNext(model: Model): boolean {
  for (const forests of known.get(model)?.values() ?? []) if (forests.layOutNext()) return true;
  return false;
}

function permutation(length: number, seed: number): Uint32Array {
  const rng = seededRng(seed);
  const order = Uint32Array.from({ length }, (_, i) => i);
  for (let i = length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [order[i], order[j]] = [order[j] as number, order[i] as number];
  }
  return order;
}
