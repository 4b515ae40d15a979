/** The six families of the paper (4.3), in its order. */
import { linearRegression } from "./linear.js";
import { neuralNetwork } from "./neural-network.js";
import type { Regressor } from "./regressor.js";
import { supportVectorRegression } from "./svr.js";
import { decisionTree, gradientBoosting, libraryForest, randomForest } from "./trees.js";

export const FAMILIES: readonly Regressor[] = [
  randomForest,
  gradientBoosting,
  supportVectorRegression,
  neuralNetwork,
  decisionTree,
  linearRegression,
];

/** Beside the six: what decides which trainer is the default. */
export const TRAINERS_AND_FAMILIES: readonly Regressor[] = [...FAMILIES, libraryForest];
