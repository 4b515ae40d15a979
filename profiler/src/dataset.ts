/**
 * From profiles to the rows of the four models (paper, 3.5.1 and Appendix B). Each target learns from the runs that show it:
 *
 *  inputBytes   every successful run: what a function is given does not depend on its allocation
 *  cpuCores     runs under the maximum allocation, or under their user allocation if that never throttled them (run-mark.ts)
 *  workCoreMs   as cpuCores
 *  memoryMb     runs under the maximum allocation: below it, garbage is collected earlier and pages are reclaimed
 */
import { type DagDescription, HarvestError, MODEL_TARGETS, type ModelTarget, type Profile, profileSchema } from "@openwhisk-harvest/core";
import { markOf, NO_MARKS, type RunMark, showsCpuDemand, showsMemoryDemand } from "./run-mark.js";

/** One sample of one target. */
export interface Row {
  /** In the order of MODEL_FEATURES. */
  readonly x: readonly number[];
  readonly y: number;
  /** R of the composition run it comes from. */
  readonly root: string;
  readonly functionIndex: number;
}

export interface Dataset {
  readonly rows: Readonly<Record<ModelTarget, readonly Row[]>>;
  /** The valid profiles behind the rows, one per activation. */
  readonly profiles: readonly Profile[];
  /** R of each composition run, ascending. */
  readonly roots: readonly string[];
  /** How many of the profiles bear each mark. */
  readonly marks: Readonly<Record<RunMark, number>>;
  /** Profiles of other versions of the DAG, which say nothing about this one. */
  readonly otherVersions: number;
}

/** Rejects with OWH_BAD_DATASET, naming the activation, when a profile is malformed or belongs to another DAG. */
export async function datasetOf(profiles: Iterable<Profile> | AsyncIterable<Profile>, dag: DagDescription): Promise<Dataset> {
  const byActivation = new Map<string, Profile>();
  let otherVersions = 0;
  for await (const profile of profiles) {
    const valid = requireProfile(profile, dag);
    if (valid.dagVersion === dag.version) byActivation.set(valid.observation.activationId, valid);
    else otherVersions++;
  }
  const kept = [...byActivation.values()].sort(byRunAndStart);
  return { ...assemble(kept), otherVersions };
}

/** The order in which stores hand profiles out must not decide what is trained. */
function byRunAndStart(a: Profile, b: Profile): number {
  const [left, right] = [a, b].map((p) => `${p.root}/${String(p.startMs).padStart(16, "0")}/${p.observation.activationId}`) as [
    string,
    string,
  ];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The dataset of some of the runs, for a split. */
export function datasetOfRoots(dataset: Dataset, roots: ReadonlySet<string>): Dataset {
  return { ...assemble(dataset.profiles.filter((p) => roots.has(p.root))), otherVersions: dataset.otherVersions };
}

function assemble(profiles: readonly Profile[]): Omit<Dataset, "otherVersions"> {
  const rows: Record<ModelTarget, Row[]> = { inputBytes: [], cpuCores: [], memoryMb: [], workCoreMs: [] };
  const marks = { ...NO_MARKS };
  for (const profile of profiles) {
    marks[markOf(profile.observation)]++;
    const { observation, functionInputBytes, functionIndex, dagInputBytes, stage, root } = profile;
    const add = (target: ModelTarget, x: number[], y: number) => rows[target].push({ x, y, root, functionIndex });
    if (observation.outcome === "success") add("inputBytes", [dagInputBytes, functionIndex, stage], functionInputBytes);
    if (showsCpuDemand(observation)) {
      add("cpuCores", [functionInputBytes, functionIndex], observation.cpuPeakCores);
      add("workCoreMs", [functionInputBytes, functionIndex], observation.cpuTimeMs);
    }
    if (showsMemoryDemand(observation)) add("memoryMb", [functionInputBytes, functionIndex], observation.memoryPeakMb);
  }
  return { rows, profiles, marks, roots: [...new Set(profiles.map((p) => p.root))].sort() };
}

function requireProfile(document: unknown, dag: DagDescription): Profile {
  const parsed = profileSchema.safeParse(document);
  const bad = (what: string) => new HarvestError("OWH_BAD_DATASET", `The profile ${nameOf(document)} cannot be used: ${what}.`);
  if (!parsed.success) throw bad(parsed.error.issues.map((i) => `${i.path.join(".")}: ${i.message}`).join("; "));
  const profile = parsed.data;
  if (profile.namespace !== dag.namespace || profile.dag !== dag.name)
    throw bad(`it is of ${profile.namespace}/${profile.dag}, not of ${dag.namespace}/${dag.name}`);
  if (profile.dagVersion === dag.version && !dag.functions.some((f) => f.index === profile.functionIndex))
    throw bad(`the DAG has no function ${profile.functionIndex}`);
  return profile;
}

function nameOf(document: unknown): string {
  const observation = (document as Partial<Profile> | null)?.observation as { activationId?: unknown } | undefined;
  return typeof observation?.activationId === "string" ? `of activation ${observation.activationId}` : "without an activation id";
}

/** Rejects with OWH_BAD_DATASET when a target has no rows to learn from. */
export function requireRows(dataset: Dataset, what: string): void {
  for (const target of MODEL_TARGETS)
    if (dataset.rows[target].length === 0)
      throw new HarvestError(
        "OWH_BAD_DATASET",
        `${what} has nothing to learn ${target} from: ${dataset.profiles.length} profiles of ${dataset.roots.length} composition runs ` +
          `(${describeMarks(dataset)}), ${dataset.otherVersions} of other versions of the DAG. Profile it with the maximum allocation first.`,
      );
}

/** `3 harvested, 2 throttled`, in the order of the marks. */
function describeMarks({ marks }: Dataset): string {
  const present = Object.entries(marks).filter(([, count]) => count > 0);
  return present.length === 0 ? "none" : present.map(([mark, count]) => `${count} ${mark}`).join(", ");
}
