/** The demo's result as one self-contained HTML page: no script, no font, nothing fetched. */
import { describeGrid } from "@openwhisk-harvest/core";
import { type ActivationBar, claimsGain, type DemoReport, type Phase } from "./report.js";
import { percent, summaryRows } from "./rows.js";

const LABEL_WIDTH = 130;
const CHART_WIDTH = 1000;
const ROW_HEIGHT = 18;
const BAR_HEIGHT = 12;
const AXIS_HEIGHT = 22;
/** One colour per function, told apart by people with any colour vision (Okabe and Ito's palette). */
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442", "#000000"];
const CONDUCTOR_COLOUR = "#b8b8b8";

export function renderPage(report: DemoReport): string {
  const names = report.functionNames;
  const lastMs = Math.max(1, ...[...report.off.bars, ...report.harvest.bars].map((b) => b.endMs));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>openwhisk-harvest demo</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: ${LABEL_WIDTH + CHART_WIDTH + 40}px; padding: 0 1rem; color: #1a1a1a; background: #fff; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; } td, th { padding: .25rem .8rem; text-align: right; border-bottom: 1px solid #ddd; } td:first-child, th:first-child { text-align: left; }
pre { background: #f5f5f5; padding: 1rem; overflow-x: auto; font-size: 13px; }
.warning { background: #fff3cd; padding: .5rem 1rem; }
svg { width: 100%; height: auto; display: block; } svg text { font-size: 11px; fill: #333; }
</style>
</head>
<body>
<h1>One composition, harvesting off and on</h1>
<p>${report.requests} requests, sent one after another, then the same again with harvesting on; ${report.failed} failed.
Grid: ${escapeHtml(describeGrid(report.grid))}. Limits enforced by ${escapeHtml(report.enforcement)}.</p>
${claimsGain(report.enforcement) ? "" : `<p class="warning">Limits are not enforced by control groups here (${escapeHtml(report.enforcementReason)}): the two phases differ by noise, and no gain is claimed.</p>`}
${summaryTable(report)}
<h2>Timeline: harvesting off</h2>
${timeline(report.off, names, lastMs)}
<h2>Timeline: harvesting on, same scale</h2>
${timeline(report.harvest, names, lastMs)}
<h2>One decision, explained</h2>
<pre>${escapeHtml(report.explanation.join("\n"))}</pre>
<h2>What the figures are</h2>
<p>All times come from OpenWhisk's activation records. The parallel stage lasts from the start of its first branch's function to the end of its last.
Utilization is what the stage's functions used over what the stage's budget (the sum of its user allocations) held while the stage lasted,
at most 100 %: the kernel grants a quota per 100 ms, begun periods whole, so short runs can use some percent more than their allocation.
Accuracy is the paper's (4.1.2), on inputs never trained on: ${percent(report.accuracy.cpu)} for CPU, ${percent(report.accuracy.memory)} for memory.
Of the same runs ${percent(report.withinAllocation.cpu)} used at most the CPU that the prediction would have given them, and ${percent(report.withinAllocation.memory)} at most the memory.
Both figures for CPU are of the observed peak. Against the demand, which counts the CPU time of runs shorter than a CFS period over that period,
${percent(report.cpuDemand.accuracy)} are accurate and ${percent(report.cpuDemand.withinAllocation)} within their allocation.</p>
</body>
</html>
`;
}

function summaryTable(report: DemoReport): string {
  const cells = ({ label, off, harvest, saved }: Record<string, string>) =>
    `<tr><td>${label}</td><td>${off}</td><td>${harvest}</td><td>${saved}</td></tr>`;
  const rows = summaryRows(report).map((row) => cells({ ...row }));
  return `<table><thead><tr><th></th><th>off</th><th>harvest</th><th>saved</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table>`;
}

function timeline(phase: Phase, names: readonly string[], lastMs: number): string {
  const rows = [...names, "conductors"];
  const height = rows.length * ROW_HEIGHT + AXIS_HEIGHT;
  const labels = rows.map((name, i) => `<text x="0" y="${i * ROW_HEIGHT + BAR_HEIGHT}">${escapeHtml(name)}</text>`).join("");
  const bars = phase.bars.map((bar) => drawBar(bar, names, lastMs)).join("\n");
  return `<svg viewBox="0 0 ${LABEL_WIDTH + CHART_WIDTH} ${height}" role="img" aria-label="Gantt chart of activations">
${labels}
${bars}
${axis(lastMs, rows.length * ROW_HEIGHT)}
</svg>`;
}

function drawBar(bar: ActivationBar, names: readonly string[], lastMs: number): string {
  const conductor = bar.kind === "conductor";
  const row = conductor ? names.length : names.indexOf(bar.name);
  const x = LABEL_WIDTH + (bar.startMs / lastMs) * CHART_WIDTH;
  const width = Math.max(0.5, ((bar.endMs - bar.startMs) / lastMs) * CHART_WIDTH);
  const fill = conductor ? CONDUCTOR_COLOUR : (COLOURS[row % COLOURS.length] as string);
  const failed = bar.outcome === "success" ? "" : ' stroke="#d00" stroke-width="2"';
  return `<rect x="${x.toFixed(1)}" y="${row * ROW_HEIGHT + 2}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" fill="${fill}"${failed}><title>${escapeHtml(caption(bar))}</title></rect>`;
}

function caption(bar: ActivationBar): string {
  const lines = [
    `request ${bar.request + 1}: ${bar.name}, ${Math.round(bar.endMs - bar.startMs)} ms, ${bar.outcome}`,
    `activation ${bar.activationId}`,
  ];
  const usage = bar.usage;
  if (usage) {
    const limit = usage.allocatedCores === undefined ? "no CPU limit" : `${usage.allocatedCores} cores (user ${usage.userCores ?? "none"})`;
    lines.push(
      `${limit}, peak ${usage.cpuPeakCores.toFixed(2)} cores, ${Math.round(usage.cpuTimeCoreMs)} core-ms, ${Math.round(usage.memoryPeakMb)} MB`,
    );
  }
  return lines.join("\n");
}

/** About ten ticks, at 1, 2 or 5 times a power of ten seconds. */
function axis(lastMs: number, y: number): string {
  const rough = lastMs / 10;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((m) => m * power >= rough) ?? 10) * power;
  const ticks: string[] = [];
  for (let at = 0; at <= lastMs; at += step) {
    const x = (LABEL_WIDTH + (at / lastMs) * CHART_WIDTH).toFixed(1);
    ticks.push(
      `<line x1="${x}" x2="${x}" y1="0" y2="${y + 4}" stroke="#0002"/><text x="${x}" y="${y + 16}">${Number((at / 1000).toFixed(2))} s</text>`,
    );
  }
  return ticks.join("");
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}
