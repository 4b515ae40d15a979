/** Runs cases one after another in the guest; each ends within its deadline, held or not. */
import { writeFileSync } from "node:fs";
import type { LiveSetup } from "../live/live-case.kit.js";
import { guestCases, reportedName, type Standing } from "./guest-cases.kit.js";
import { DISK, DISK_MB } from "./guest-setup.kit.js";
import type { CaseResult } from "./report.kit.js";

/** Of the guest's time; the longest takes four seconds. */
const CASE_DEADLINE_MS = 60_000;

/** Tolerances are the issue's: software emulation has one CPU, whose timer ticks weigh more. */
const setup: Omit<LiveSetup, "note"> = {
  enforcement: "cgroup-v2",
  windowMs: 500,
  tolerance: { cpuMeanShare: 0.05, cpuPeakShare: 0.15, cpuPeakCores: 0, memoryShare: 0.03 },
  uncachedFile() {
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    return { path: DISK, mb: DISK_MB };
  },
};

export async function runCases(standing: Standing, report: (result: CaseResult) => void): Promise<void> {
  for (const live of guestCases[standing]) {
    const startMs = performance.now();
    const notes: string[] = [];
    let error: string | undefined;
    try {
      await Promise.race([live.run({ ...setup, note: (text) => notes.push(text) }), deadline()]);
    } catch (thrown) {
      error = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
    }
    const ms = Math.round(performance.now() - startMs);
    report({ name: reportedName(standing, live), ms, notes, ...(error !== undefined && { error }) });
  }
}

function deadline(): Promise<never> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(`The case did not end within ${CASE_DEADLINE_MS} ms.`)), CASE_DEADLINE_MS).unref();
  });
}
