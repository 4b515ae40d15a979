/** How long the parallel stages of a composition run took, by its activation records. */
import { type DagDescription, formatForkStep, formatTrail } from "@openwhisk-harvest/core";
import { type ActivationView, componentsOfRun } from "./activation-view.js";

/** One passage of a run through a parallel stage; a loop passes several times. */
export interface StageTime {
  readonly forkPath: string;
  /** Trail of the session that forked: empty for a stage of the root run. */
  readonly outerTrail: string;
  /** Which fork of that session it was, from 0. */
  readonly forkNo: number;
  /** Start of the branch component that started first, wall clock. */
  readonly startMs: number;
  /** End of the branch component that ended last. */
  readonly endMs: number;
  readonly durationMs: number;
  /** Every branch that holds a function was seen. The time of an incomplete stage is too short to be used. */
  readonly complete: boolean;
}

interface Passage {
  readonly forkPath: string;
  readonly outerTrail: string;
  readonly forkNo: number;
  readonly positions: Set<number>;
  startMs: number;
  endMs: number;
}

/** The stages of the run `root`, in the order of their start. Components inside inner forks count for the outer stages too. */
export function stageTimes(run: { dag: DagDescription; root: string; activations: readonly ActivationView[] }): StageTime[] {
  const passages = new Map<string, Passage>();
  for (const { record, key } of componentsOfRun(run.root, run.activations)) {
    for (const [depth, step] of key.trail.entries()) {
      const outerTrail = formatTrail(key.trail.slice(0, depth));
      const id = `${outerTrail}/${formatForkStep({ ...step, position: 0 })}`;
      const passage = passages.get(id) ?? emptyPassage(step.forkPath, outerTrail, step.forkNo);
      passages.set(id, passage);
      passage.positions.add(step.position);
      passage.startMs = Math.min(passage.startMs, record.start);
      passage.endMs = Math.max(passage.endMs, record.end ?? Number.NaN); // NaN stays: without its end the stage has no time
    }
  }
  return [...passages.values()]
    .map((p) => stageTimeOf(run.dag, p))
    .sort((a, b) => a.startMs - b.startMs || a.outerTrail.length - b.outerTrail.length);
}

function emptyPassage(forkPath: string, outerTrail: string, forkNo: number): Passage {
  return { forkPath, outerTrail, forkNo, positions: new Set(), startMs: Number.POSITIVE_INFINITY, endMs: Number.NEGATIVE_INFINITY };
}

function stageTimeOf(dag: DagDescription, passage: Passage): StageTime {
  const { forkPath, outerTrail, forkNo, startMs, endMs, positions } = passage;
  const ended = Number.isFinite(endMs);
  const expected = dag.functions.filter((f) => f.forkPath === forkPath && f.position !== undefined);
  const complete = ended && expected.every((f) => positions.has(f.position ?? -1));
  return { forkPath, outerTrail, forkNo, startMs, endMs: ended ? endMs : startMs, durationMs: ended ? endMs - startMs : 0, complete };
}
