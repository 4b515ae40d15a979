import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HarvestError } from "@openwhisk-harvest/core";
import type { Job } from "./job.js";

export interface InputSpec {
  readonly count: number;
  readonly seed: number;
  /** The generator's own range when absent. */
  readonly minBytes?: number;
  readonly maxBytes?: number;
}
/** What a job's `inputs` module exports as `generateInputs`: parameters of different sizes, equal for equal seeds. */
export type InputGenerator = (spec: InputSpec) => Record<string, unknown>[];

/** OWH_BAD_JOB when the job names no generator, or it cannot be loaded. */
export async function loadInputGenerator({ name, folder, inputs }: Job): Promise<InputGenerator> {
  if (inputs === undefined) throw new HarvestError("OWH_BAD_JOB", `The job ${name} names no input generator (inputs: file).`);
  const file = resolve(folder, inputs);
  const module = (await import(pathToFileURL(file).href)) as { generateInputs?: InputGenerator };
  if (typeof module.generateInputs !== "function") throw new HarvestError("OWH_BAD_JOB", `${file} exports no function generateInputs.`);
  return module.generateInputs;
}
