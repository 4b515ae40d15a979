/**
 * Where an interrupted profiling goes on: beside the embedded stores, one small file per DAG, written after every run and taken
 * away at the end, so that even a killed process loses no more than the run it was at.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type DagDescription, HarvestError } from "@openwhisk-harvest/core";
import { z } from "zod";

const stateSchema = z.object({
  dagVersion: z.string(),
  /** Of all inputs: equal only for the same generator, seed and sizes. */
  inputsSha256: z.string(),
  nextIndex: z.int().nonnegative(),
  /** Inputs that failed so far, from 0, with the reason. */
  failed: z.array(z.object({ index: z.int(), reason: z.string() })),
});
type State = z.infer<typeof stateSchema>;

export class ProfilingState {
  readonly #file: string;
  readonly #dagVersion: string;
  readonly #inputsSha256: string;

  constructor(dataDir: string, { namespace, name, version }: DagDescription, inputs: readonly unknown[]) {
    this.#file = join(dataDir, "profiling", `${encodeURIComponent(namespace)}.${encodeURIComponent(name)}.json`);
    this.#dagVersion = version;
    this.#inputsSha256 = createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
  }

  /** OWH_NOT_FOUND when nothing was interrupted; OWH_CONFLICT when it was with other inputs, or another version of the DAG. */
  resume(): Pick<State, "nextIndex" | "failed"> {
    const { dagVersion, inputsSha256, nextIndex, failed } = this.#read();
    const conflict = (what: string) =>
      new HarvestError("OWH_CONFLICT", `The interrupted profiling was of ${what}; begin anew without --resume.`);
    if (dagVersion !== this.#dagVersion) throw conflict(`version ${dagVersion} of the DAG, which now has version ${this.#dagVersion}`);
    if (inputsSha256 !== this.#inputsSha256) throw conflict("other inputs: --runs, --seed and the sizes have to be the same");
    return { nextIndex, failed };
  }

  /** Replaces the file as a whole. */
  write({ nextIndex, failed }: Pick<State, "nextIndex"> & { readonly failed: readonly State["failed"][number][] }): void {
    const kept = failed.map(({ index, reason }) => ({ index, reason }));
    const state: State = { dagVersion: this.#dagVersion, inputsSha256: this.#inputsSha256, nextIndex, failed: kept };
    mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
    writeFileSync(`${this.#file}.new`, `${JSON.stringify(state)}\n`, { mode: 0o600 });
    renameSync(`${this.#file}.new`, this.#file);
  }

  clear(): void {
    rmSync(this.#file, { force: true });
  }

  #read(): State {
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (cause) {
      throw new HarvestError("OWH_NOT_FOUND", `There is no interrupted profiling to resume (${this.#file}).`, { cause });
    }
    try {
      return stateSchema.parse(JSON.parse(text));
    } catch (cause) {
      throw new HarvestError("OWH_CONFLICT", `${this.#file} cannot be read; begin anew without --resume.`, { cause });
    }
  }
}
