/**
 * Reads the kernel's CPU limits of some processes every millisecond, in a thread of its own: what this process does at the same time
 * must not hide what is in force for a moment only.
 */
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { limitsOfProcess } from "@openwhisk-harvest/cgroup";

export interface LimitSample {
  /** Epoch ms, before the first reading and after the last one. */
  readonly fromMs: number;
  readonly toMs: number;
  /** In the order of the processes; NaN where nothing bounds the CPU. */
  readonly cpuCores: readonly number[];
}

export interface LimitSampler {
  /** All samples since the start. */
  stop(): Promise<LimitSample[]>;
}

/** Each sample reads the processes one after another, in this order. */
export async function sampleLimits(pids: readonly number[]): Promise<LimitSampler> {
  const stopping = new SharedArrayBuffer(4);
  const worker = new Worker(new URL(import.meta.url), { workerData: { pids, stopping } });
  await once(worker, "message");
  return {
    stop: async () => {
      const answer = once(worker, "message");
      Atomics.store(new Int32Array(stopping), 0, 1);
      Atomics.notify(new Int32Array(stopping), 0);
      return ((await answer) as [LimitSample[]])[0];
    },
  };
}

function sampleUntilStopped({ pids, stopping }: { pids: number[]; stopping: SharedArrayBuffer }): LimitSample[] {
  const flag = new Int32Array(stopping);
  const nowMs = () => performance.timeOrigin + performance.now();
  const samples: LimitSample[] = [];
  while (Atomics.load(flag, 0) === 0) {
    const fromMs = nowMs();
    const cpuCores = pids.map((pid) => limitsOfProcess(pid).cpuCores ?? Number.NaN);
    samples.push({ fromMs, toMs: nowMs(), cpuCores });
    Atomics.wait(flag, 0, 0, 1);
  }
  return samples;
}

if (!isMainThread && parentPort) {
  parentPort.postMessage("ready");
  parentPort.postMessage(sampleUntilStopped(workerData as Parameters<typeof sampleUntilStopped>[0]));
}
