/** What a decision can do with a DAG, in words, before there is any: for `harvest deploy`. Pure; plain text. */
import type { DagDescription } from "@openwhisk-harvest/core";
import { branchesOf, canShare, isCandidate, type SharingDag, type SharingStage, sharingOf } from "./decide/sharing.js";
import { withinSizeLimit } from "./decide/size-limit.js";
import { keepsWords, REASON_WORDS } from "./explain-words.js";

/**
 * One line for each parallel stage, then one for each function of a stage that does not share all. They say what the decisions of the mode
 * `harvest` will do once there is a model to be trusted.
 */
export function explainSharing(dag: DagDescription): string[] {
  const sharing = withinSizeLimit(sharingOf(dag));
  const kept = sharing.functions.filter(({ forkPath }) => forkPath !== undefined);
  return [
    ...sharing.stages.map((stage) => `${stage.kind} stage ${stage.forkPath || "(root)"}: ${sharingWords(sharing, stage)}`),
    ...kept.flatMap(({ name, excluded }) => (excluded ? [keepsWords(name, excluded)] : [])),
  ];
}

function sharingWords({ functions }: SharingDag, { forkPath, kind, width, branches, isTooLarge }: SharingStage): string {
  if (isTooLarge) return REASON_WORDS["too-many-functions"];
  const own = branchesOf(functions.filter((fn) => fn.forkPath === forkPath));
  const willing = own.filter((branch) => branch.every((fn) => isCandidate(fn, "memoryMb"))).length;
  if (kind === "map") {
    const share = willing > 0 && canShare(branches[0]);
    return share ? `its items share; ${REASON_WORDS["decided-at-fork"]}` : "its items cannot share";
  }
  return willing < 2 ? "fewer than two branches can share" : `${willing} of ${width} branches share`;
}
