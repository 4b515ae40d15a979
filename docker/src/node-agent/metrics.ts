/** Prometheus' text format, written by hand: four numbers need no library. */
import type { Reporter } from "@openwhisk-harvest/applier";
import type { ContainerRuns } from "./container-runs.js";

export function metricsOf({ counts }: ContainerRuns, reporter: Reporter): string {
  const { runs, running, applied, changed } = counts;
  const lines: [name: string, type: "counter" | "gauge", help: string, value: number][] = [
    ["harvest_node_runs_total", "counter", "Runs that agents have announced.", runs],
    ["harvest_node_applied_total", "counter", "Runs that began with an allocation of ours.", applied],
    ["harvest_node_running", "gauge", "Runs under way.", running],
    ["harvest_node_changed_containers", "gauge", "Containers whose limits are not those they were created with.", changed],
    ["harvest_node_lost_reports_total", "counter", "Observations and events that did not reach Redis.", reporter.lost],
  ];
  return lines.map(([name, type, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${name} ${value}\n`).join("");
}
