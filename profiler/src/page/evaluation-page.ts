/** The comparison of the families as one self-contained HTML page: no script, no font, nothing fetched. */
import { describeGrid } from "@openwhisk-harvest/core";
import type { DagEvaluation, FamilyEvaluation } from "../evaluate-families.js";
import { BELOW_PEAK_WORDS, cellsOf, formatAmount, formatShare, TARGET_TITLES } from "../evaluation-table.js";
import { MISS_WORDS, MISSES } from "../missed.js";
import { accuracyBars, errorCdf } from "./figures.js";
import { colourOf, escapeHtml } from "./svg.js";

/** One section per DAG, in the order given. */
export function renderEvaluationPage(evaluations: readonly DagEvaluation[]): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Six families of models</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1000px; padding: 0 1rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; } h3 { font-size: 1rem; margin: 1rem 0 0; }
table { border-collapse: collapse; } td, th { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid #ddd; } td:first-child, th:first-child { text-align: left; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(380px, 1fr)); gap: 1rem; }
.key { display: inline-block; width: .8em; height: .8em; margin: 0 .3em 0 .9em; }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: #333; }
</style>
</head>
<body>
<h1>Six families of models, predicting what functions need</h1>
<p>Each family is trained on 80 % of a workflow's composition runs and tested on the others, on the whole chain: ML1 predicts a
function's input size from the size of the workflow's input, ML2 its needs from that prediction. An error is |P - A|, prediction less
actual use. A prediction counts as accurate if P + |P - A| stays below the smallest allocation that is at least P; that is strict, so
a run that uses exactly an allocation is never predicted accurately. Beside it stands the share of runs that used at most the
allocation they would be given. For CPU, A is the peak that was observed, and the models learn that. Runs shorter than a CFS period need
less (their CPU time over the period); the columns named demand hold the same predictions against it.</p>
${evaluations.map(section).join("\n")}
</body>
</html>
`;
}

function section(evaluation: DagEvaluation): string {
  const { families, runs, grid } = evaluation;
  const features = evaluation.ml2Features === "size" ? "predicted input size only" : "predicted input size and the function's ordinal";
  const cdfs = TARGET_TITLES.map(
    ([target, title, unit]) => `<div><h3>Error: ${title}</h3>${errorCdf(families, target, `error in ${unit}, at most`)}</div>`,
  );
  return `<section>
<h2>${escapeHtml(`${evaluation.namespace}/${evaluation.dag}`)}</h2>
<p>${runs.train} runs trained, ${runs.test} tested, of ${runs.profiled} profiled. Seed ${evaluation.seed}. Grid: ${escapeHtml(describeGrid(grid))}. ML2's features: ${features}.</p>
<p>${families.map((f, i) => `<span class="key" style="background:${colourOf(i)}"></span>${escapeHtml(f.name)}`).join("")}</p>
<div class="figures">
${cdfs.join("\n")}
<div><h3>Prediction accuracy (4.1.2)</h3>${accuracyBars(families, "accuracy")}</div>
<div><h3>Runs within the allocation given</h3>${accuracyBars(families, "withinAllocation")}</div>
</div>
${edges(families)}
${missed(families)}
${allocationTable(evaluation)}
${table(families)}
${families.map(footnote).join("\n")}
</section>`;
}

/** How far the grid's edges alone pull the paper's figure down. */
function edges(families: readonly FamilyEvaluation[]): string {
  const evaluation = families.find((f) => f.evaluation)?.evaluation;
  const lines = TARGET_TITLES.flatMap(([target, title]) => {
    const own = evaluation?.[target];
    if (own?.atGridEdge === undefined) return [];
    const demand = own.demand ? ` ${own.demand.belowPeak} ${BELOW_PEAK_WORDS}.` : "";
    return `<p>${title}: ${own.atGridEdge} of ${own.samples} function runs used exactly an allocation or more than the largest; ${own.nearGridEdge} lie closer below one than ${escapeHtml(families.find((f) => f.evaluation)?.name ?? "")}'s median error.${demand}</p>`;
  });
  return lines.join("\n");
}

function missed(families: readonly FamilyEvaluation[]): string {
  const first = families.find((f) => f.evaluation);
  const lines = TARGET_TITLES.flatMap(([target, title]) => {
    const own = first?.evaluation?.[target];
    const reasons = MISSES.filter((miss) => (own?.missed?.[miss] ?? 0) > 0).map((miss) => `${own?.missed?.[miss]} ${MISS_WORDS[miss]}`);
    return reasons.length === 0 ? [] : [`<p>${title}, not accurate with ${escapeHtml(first?.name ?? "")}: ${reasons.join("; ")}.</p>`];
  });
  return lines.join("\n");
}

/** What is allocated, by the margin that is added to the prediction; the default policy adds the last one. */
function allocationTable({ allocations: { margins, steps } }: DagEvaluation): string {
  const titleOf = (target: string) =>
    TARGET_TITLES.find(([own]) => own === target)
      ?.slice(1)
      .join(", ") ?? target;
  const head = ["allocated with the margin", "within", "spare", "accurate", "demand: within", "demand: accurate"]
    .map((h) => `<th>${h}</th>`)
    .join("");
  const rows = margins.map(({ target, margin, withinAllocation, meanSpare, accuracy, demand }) => {
    const ofDemand = [formatShare(demand?.withinAllocation), formatShare(demand?.accuracy)];
    const cells = [formatShare(withinAllocation), formatAmount(meanSpare), formatShare(accuracy), ...ofDemand]
      .map((c) => `<td>${c}</td>`)
      .join("");
    return `<tr><td>${titleOf(target)}: ${margin}</td>${cells}</tr>`;
  });
  const coarser = steps.map(({ target, step, accuracy }) => `${titleOf(target)} by ${step}: ${formatShare(accuracy)}`);
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table>
<p>Accuracy of the mean on grids of other steps: ${coarser.join("; ")}.</p>`;
}

function table(families: readonly FamilyEvaluation[]): string {
  const headings = [
    "",
    "error mean",
    "p50",
    "p90",
    "p99",
    "max",
    "accurate",
    "within",
    "demand: error",
    "demand: accurate",
    "demand: within",
  ];
  const head = headings.map((h) => `<th>${h}</th>`).join("");
  const rows = TARGET_TITLES.flatMap(([target, title, unit]) =>
    families.flatMap(({ name, evaluation }) => {
      const own = evaluation?.[target];
      if (!own) return [];
      const told = cellsOf(own);
      const cells = headings.slice(1).map((_, i) => `<td>${told[i] ?? "-"}</td>`);
      return `<tr><td>${title} (${unit}), ${escapeHtml(name)}</td>${cells.join("")}</tr>`;
    }),
  );
  return `<table><thead><tr>${head}</tr></thead><tbody>\n${rows.join("\n")}\n</tbody></table>`;
}

function footnote({ name, method, unavailable, fitMs }: FamilyEvaluation): string {
  const end = unavailable === undefined ? `fitted in ${formatAmount(fitMs ?? 0)} ms` : `not evaluated: ${unavailable}`;
  return `<p>${escapeHtml(`${name}: ${method}; ${end}.`)}</p>`;
}
