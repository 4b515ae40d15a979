/**
 * The most that one decision looks at. It is made on the event loop that serves every namespace, and takes time by its functions; no
 * namespace of a stock OpenWhisk has as many activations in flight (30 by default). What is beyond keeps U (H3), and its reason says so.
 */
import type { DagDescription } from "@openwhisk-harvest/core";
import type { SharingDag } from "./sharing.js";

/** Functions that take part in the parallel stages of a DAG, in the order of its stages; of a `map`, those of all its items. */
export const MOST_FUNCTIONS = 1_000;

/** How many functions a decision about the DAG has to look at. */
export function functionsInStages({ functions }: DagDescription): number {
  return functions.reduce((sum, { forkPath }) => sum + (forkPath === undefined ? 0 : 1), 0);
}

/** The DAG with as many of its stages, from the first on, as a decision looks at. */
export function withinSizeLimit(dag: SharingDag): SharingDag {
  if (dag.functions.length <= MOST_FUNCTIONS) return dag;
  let total = 0;
  const stages = dag.stages.map((stage) => {
    if (total + stage.functions.length > MOST_FUNCTIONS) return { ...stage, functions: [], isTooLarge: true as const };
    total += stage.functions.length;
    return stage;
  });
  return { ...dag, stages };
}
