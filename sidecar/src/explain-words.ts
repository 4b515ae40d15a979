/** Reason codes in words, for people. Every code of core's types has its sentence; the compiler sees to it. */
import type { Distrust, Exclusion, ReasonCode } from "@openwhisk-harvest/core";
import type { Unpublished } from "./decision-record.js";

export const REASON_WORDS: Readonly<Record<ReasonCode, string>> = {
  "fits-budget": "the demands fit into the budget",
  "ratio-split": "the budget is split in the ratio of the demands",
  "shorter-stage": "the stage gets shorter by more than the prediction's uncertainty",
  "memory-shortage-met": "what donors do not need goes to functions that would run out of memory",
  "no-change": "every function already has what it would be given",
  "exceeds-budget": "the demands exceed the budget and cannot be scaled down to whole steps",
  "gain-within-uncertainty": "the gain is not larger than the prediction's uncertainty",
  "budget-below-minimum": "the budget does not hold the grid's minimum for every branch",
  "nothing-to-share": "fewer than two branches share this resource",
  "stage-excluded": "no branch of the stage can share",
  "decided-at-fork": "it is decided when it forks, with the sizes of its items",
  "too-many-functions": "more functions run side by side than a decision looks at",
  "no-model": "no model has been trained for this workflow",
  "untrusted-prediction": "fewer than two predictions can be trusted",
  "invalid-split": "the policy broke an invariant, which the validator caught; this is a fault to report",
};

export const DISTRUST_WORDS: Readonly<Record<Distrust, string>> = {
  "too-few-samples": "too few profiled runs",
  "outside-profiled-range": "the input's size lies outside of the profiled range",
  "model-older-than-dag": "the model was trained for another version of the workflow",
};

export const EXCLUSION_WORDS: Readonly<Record<Exclusion, string>> = {
  "action-off": "its action has opted out of harvesting",
  "action-paused": "harvesting of its action is paused",
  "not-opted-in": "its namespace is only observed, and its action has not opted in",
  "concurrency-above-one": "its containers run several activations at once",
  "no-user-cpu": "the platform gives it no share of CPU",
  "branch-varies": "what its branch runs, or how often, shows only when it runs",
  "branch-not-whole": "another function of its branch keeps its user allocation, and a branch shares as a whole",
  "nested-fork": "its branch forks itself, and a stage within shares among its own branches",
  "called-composition": "it is a composition itself, which shares among its own branches",
  "sequence-action": "its action is a native sequence",
  "action-unknown": "the job does not define its action",
  "branch-not-single-action": "its branch is more than a single action",
  "map-unsupported": "it runs in a map, which was not decided then",
};

/** Why a function shares less than it could: nothing, or memory alone. */
export function keepsWords(name: string, excluded: Exclusion): string {
  const what = excluded === "no-user-cpu" ? "takes part in memory only" : "keeps its user allocation";
  return `${name} ${what}: ${EXCLUSION_WORDS[excluded]} (${excluded})`;
}

export const UNPUBLISHED_WORDS: Readonly<Record<Unpublished, string>> = {
  mode: "this mode publishes nothing",
  "nothing-accepted": "no stage was accepted",
  "redis-unavailable": "Redis did not answer",
  "over-budget": "the namespace asked for more decisions in that second than it may have",
};
