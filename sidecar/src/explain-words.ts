/** Reason codes in words, for people. Every code of core's types has its sentence; the compiler sees to it. */
import type { Distrust, Exclusion, ReasonCode } from "@openwhisk-harvest/core";
import type { Unpublished } from "./decision-record.js";

export const REASON_WORDS: Readonly<Record<ReasonCode, string>> = {
  "fits-budget": "the demands fit into the budget",
  "ratio-split": "the budget is split in the ratio of the demands",
  "shorter-stage": "the stage gets shorter by more than the prediction's uncertainty",
  "memory-shortage-met": "what donors do not need goes to functions that would run out of memory",
  "no-change": "everybody already has what they would be given",
  "exceeds-budget": "the demands exceed the budget and cannot be scaled down to whole steps",
  "gain-within-uncertainty": "the gain is not larger than the prediction's uncertainty",
  "budget-below-minimum": "the budget does not hold the grid's minimum for everybody",
  "nothing-to-share": "fewer than two functions share this resource",
  "stage-excluded": "the stage takes no part in harvesting",
  "no-model": "no model has been trained for this workflow",
  "untrusted-prediction": "fewer than two predictions can be trusted",
  "invalid-plan": "the policy broke an invariant, which the validator caught; this is a fault to report",
};

export const DISTRUST_WORDS: Readonly<Record<Distrust, string>> = {
  "too-few-samples": "too few profiled runs",
  "outside-profiled-range": "the input's size lies outside of the profiled range",
  "model-older-than-dag": "the model was trained for another version of the workflow",
};

export const EXCLUSION_WORDS: Readonly<Record<Exclusion, string>> = {
  "action-off": "its action has opted out",
  "action-paused": "harvesting of its action is paused",
  "not-opted-in": "its namespace is only observed, and its action has not opted in",
  "concurrency-above-one": "its containers run several activations at once",
  "no-user-cpu": "the platform gives it no share of CPU",
  "branch-not-single-action": "its branch is more than a single action",
  "nested-fork": "its branch holds a parallel stage of its own",
  "called-composition": "it is a composition itself",
  "map-unsupported": "it runs in a map",
  "sequence-action": "it is a sequence",
  "action-unknown": "nothing is known of its action",
};

export const UNPUBLISHED_WORDS: Readonly<Record<Unpublished, string>> = {
  mode: "this mode publishes nothing",
  "nothing-accepted": "no stage was accepted",
  "redis-unavailable": "Redis did not answer",
};
