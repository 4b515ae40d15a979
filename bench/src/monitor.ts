/** What watching a container costs: one sample of its control group, and the share of a core at the default period. */
import { detectEnforcement } from "@openwhisk-harvest/cgroup";
import { loadConfig } from "@openwhisk-harvest/core";
import { type Figure, figure } from "./statistics.js";

export async function benchMonitor(count: number): Promise<Figure[]> {
  const enforcer = await detectEnforcement();
  try {
    const group = await enforcer.createGroup("bench");
    const { periodMs } = loadConfig().sampling;
    const samplesUs: number[] = [];
    for (let i = 0; i < count; i++) {
      const startMs = performance.now();
      group.read();
      samplesUs.push((performance.now() - startMs) * 1000);
    }
    return [
      figure(`one sample (${enforcer.enforcement})`, "us", samplesUs),
      figure(
        `share of a core at one sample every ${periodMs} ms`,
        "%",
        samplesUs.map((us) => us / 10 / periodMs),
      ),
    ];
  } finally {
    await enforcer.close();
  }
}
