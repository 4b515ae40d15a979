/** The demo's table for a terminal. */
import { describeGrid } from "@openwhisk-harvest/core";
import Table from "cli-table3";
import { claimsGain, type DemoReport } from "./report.js";
import { percent, summaryRows } from "./rows.js";

export function renderTable(report: DemoReport): string {
  const table = new Table({
    head: ["", "off", "harvest", "saved"],
    colAligns: ["left", "right", "right", "right"],
    style: { head: [], border: [] },
    chars: { mid: "", "left-mid": "", "mid-mid": "", "right-mid": "" },
  });
  for (const { label, off, harvest, saved } of summaryRows(report)) table.push([label, off, harvest, saved]);
  return table.toString();
}

/** The lines above the table: what was run, on what, and how far to believe it. */
export function renderPreamble(report: DemoReport): string[] {
  const { accuracy, withinAllocation, cpuDemand, enforcement, enforcementReason, requests, failed } = report;
  const lines = [
    `grid         ${describeGrid(report.grid)}`,
    `enforcement  ${enforcement}${claimsGain(enforcement) ? "" : ` (${enforcementReason})`}`,
    `models       accurate (paper, 4.1.2): CPU ${percent(accuracy.cpu)}, memory ${percent(accuracy.memory)}, on inputs never trained on;`,
    `             use within the predicted allocation: CPU ${percent(withinAllocation.cpu)}, memory ${percent(withinAllocation.memory)};`,
    `             CPU against the demand, not the observed peak: accurate ${percent(cpuDemand.accuracy)}, within ${percent(cpuDemand.withinAllocation)}`,
    `requests     ${requests} sent with harvesting off, the same ${requests} with harvesting on; ${failed} failed`,
  ];
  if (!claimsGain(enforcement))
    lines.push("WARNING      limits are not enforced by control groups here: the two columns differ by noise, and no gain is claimed");
  return lines;
}
