/** The figures of chapter 4.3 and Appendix C: the distribution of the error per family, and the accuracy as bars. */
import type { ModelTarget } from "@openwhisk-harvest/core";
import { ERROR_SHARES } from "../evaluate.js";
import type { FamilyEvaluation } from "../evaluate-families.js";
import { formatShare } from "../evaluation-table.js";
import { colourOf, escapeHtml, figure, INNER_HEIGHT, INNER_WIDTH, logAxis, logScaleOf, PLOT, shareAxis, xOfLog, yOfShare } from "./svg.js";

/** Figures 4.1 to 4.3, C.2, C.3: which share of the test runs has at most this error. */
export function errorCdf(families: readonly FamilyEvaluation[], target: ModelTarget, title: string): string {
  const all = families.flatMap((f) => f.evaluation?.[target]?.errorQuantiles ?? []);
  const scale = logScaleOf(all);
  const lines = families.map((family, i) => {
    const quantiles = family.evaluation?.[target]?.errorQuantiles;
    if (!quantiles) return "";
    const points = quantiles.map((error, q) => `${xOfLog(scale, error).toFixed(1)},${yOfShare(ERROR_SHARES[q] as number).toFixed(1)}`);
    return `<polyline points="${points.join(" ")}" fill="none" stroke="${colourOf(i)}" stroke-width="2"><title>${escapeHtml(family.name)}</title></polyline>`;
  });
  return figure(`Distribution of the error: ${title}`, [shareAxis(), logAxis(scale, title), ...lines].join("\n"));
}

/** Figures 4.4 and C.4. */
export function accuracyBars(families: readonly FamilyEvaluation[], share: "accuracy" | "withinAllocation"): string {
  const groups: readonly (readonly [ModelTarget, string])[] = [
    ["cpuCores", "CPU"],
    ["memoryMb", "memory"],
  ];
  const groupWidth = INNER_WIDTH / groups.length;
  const barWidth = (groupWidth * 0.8) / families.length;
  const bars = groups.flatMap(([target, title], g) => {
    const left = PLOT.left + g * groupWidth + groupWidth * 0.1;
    const label = `<text x="${(left + groupWidth * 0.4).toFixed(1)}" y="${PLOT.height - 22}" text-anchor="middle">${title}</text>`;
    return [...families.map((family, i) => bar(family, family.evaluation?.[target]?.[share], left + i * barWidth, barWidth, i)), label];
  });
  return figure(share === "accuracy" ? "Prediction accuracy" : "Runs within their allocation", [shareAxis(), ...bars].join("\n"));
}

function bar(family: FamilyEvaluation, share: number | undefined, x: number, width: number, index: number): string {
  if (share === undefined) return "";
  const y = yOfShare(share);
  const height = PLOT.top + INNER_HEIGHT - y;
  const caption = `${family.name}: ${formatShare(share)}`;
  return `<rect x="${x.toFixed(1)}" y="${y.toFixed(1)}" width="${(width * 0.9).toFixed(1)}" height="${height.toFixed(1)}" fill="${colourOf(index)}"><title>${escapeHtml(caption)}</title></rect>`;
}
