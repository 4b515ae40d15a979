/** What was predicted for the functions of a stage, on what each prediction rests, and how many profiled runs were like this one. */
import type { FunctionDecision, ModelTarget, Prediction } from "@openwhisk-harvest/core";
import { number, tableOf } from "./table.js";

type Predicted = NonNullable<FunctionDecision["predicted"]>;

const COLUMNS: readonly (readonly [ModelTarget, title: string])[] = [
  ["inputBytes", "input bytes"],
  ["cpuCores", "cpu cores"],
  ["memoryMb", "memory MB"],
  ["workCoreMs", "work core-ms"],
];

/** Marks what does not rest on the input's size and a calibrated band; explained below the table. */
const BASIS_MARKS: Readonly<Record<NonNullable<Prediction["basis"]>, string>> = { forest: "", history: " *", trees: " +" };

const BASIS_WORDS = [
  ["history", "  * from the history of all runs: the input's size does not explain it, or was never profiled."],
  ["trees", "  + the band is the spread of the trees: this model was trained without calibration."],
] as const;

export function predictionLines(functions: readonly FunctionDecision[]): string[] {
  const predicted = functions.flatMap(({ name, predicted: own }) => (own ? [{ name, own }] : []));
  if (predicted.length === 0) return [];
  const rows = predicted.map(({ name, own }) => [name, ...COLUMNS.map(([target]) => bandOf(own[target])), runsOf(own)]);
  const rests = (basis: Prediction["basis"]) => predicted.some(({ own }) => COLUMNS.some(([target]) => own[target].basis === basis));
  return [
    ...tableOf([["predicted: mean (p10..p90)", ...COLUMNS.map(([, title]) => title), "runs near"], ...rows], "  "),
    ...BASIS_WORDS.flatMap(([basis, words]) => (rests(basis) ? [words] : [])),
  ];
}

function bandOf({ mean, p10, p90, basis }: Prediction): string {
  return `${number(mean)} (${number(p10)}..${number(p90)})${basis ? BASIS_MARKS[basis] : ""}`;
}

/** `12 of 100`: with about this size, of all that the models learnt from. */
function runsOf({ near, samples }: Predicted): string {
  return near === undefined ? `? of ${samples}` : `${near} of ${samples}`;
}
