/** scikit-learn's random forest on the same data, where python3 has it; otherwise the reason why not. */
import { execFile } from "node:child_process";
import { messageOf } from "@openwhisk-harvest/core";
import type { TrainingRows } from "@openwhisk-harvest/profiler";

/** One thread, as everything else here; reads a task as JSON, writes times and errors as JSON. */
const SCRIPT = `
import json, sys, time
import sklearn
from sklearn.ensemble import RandomForestRegressor
task = json.load(sys.stdin)
def fit(t):
    return RandomForestRegressor(n_estimators=task["trees"], min_samples_leaf=2, random_state=task["seed"], n_jobs=1).fit(t["x"], t["y"])
train_ms = []
for _ in range(task["repeats"]):
    started = time.perf_counter(); model = fit(task["train"]); train_ms.append(1e3 * (time.perf_counter() - started))
test = task["test"]
error = sum(abs(p - y) for p, y in zip(model.predict(test["x"]), test["y"])) / len(test["y"])
predict_us = []
for i in range(task["predictions"]):
    row = [test["x"][i % len(test["x"])]]
    started = time.perf_counter(); model.predict(row); predict_us.append(1e6 * (time.perf_counter() - started))
print(json.dumps({"version": sklearn.__version__, "trainMs": train_ms, "meanAbsoluteError": error, "predictUs": predict_us}))
`;

export interface ScikitLearnTask {
  /** The interpreter. */
  readonly python: string;
  readonly train: TrainingRows;
  readonly test: TrainingRows;
  readonly trees: number;
  readonly seed: number;
  readonly repeats: number;
  /** How many single predictions to time. */
  readonly predictions: number;
}

export interface ScikitLearnResult {
  readonly version: string;
  readonly trainMs: readonly number[];
  readonly meanAbsoluteError: number;
  readonly predictUs: readonly number[];
}

const TIMEOUT_MS = 300_000;

export function runScikitLearn({ python, ...task }: ScikitLearnTask): Promise<ScikitLearnResult | { readonly unavailable: string }> {
  return new Promise((resolve) => {
    const unavailable = (why: string) => resolve({ unavailable: why });
    const child = execFile(python, ["-c", SCRIPT], { timeout: TIMEOUT_MS, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error) return unavailable(stderr.trim().split("\n").at(-1) || messageOf(error));
      try {
        resolve(JSON.parse(stdout) as ScikitLearnResult);
      } catch (thrown) {
        unavailable(`its answer cannot be read: ${messageOf(thrown)}`);
      }
    });
    // An interpreter that ends before it has read everything closes the pipe; execFile tells why it ended.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(JSON.stringify(task));
  });
}
