/**
 * Decisions by time: in `harvest_decisions`, under `~time/<namespace>/<time>/<id>`, a summary of each, so that a list reads
 * neither the decisions of others nor whole documents.
 */
import { answers, type DecisionIndex, type DecisionSummary, type DocumentDatabase } from "@openwhisk-harvest/core";
import { idOf, idsUnder, sortable } from "./ids.js";
import { upsert } from "./upsert.js";

/** No root run begins with a tilde. */
const BY_TIME = "~time";
/** Milliseconds since the epoch have 13 digits until the year 2286. */
const TIME_DIGITS = 15;
/** Summaries looked through for one list, some 500 bytes each. */
const MAX_LOOKED_THROUGH = 20_000;

const timeText = (ms: number) => sortable(Math.max(0, Math.trunc(ms)), TIME_DIGITS);

export async function indexDecision(database: DocumentDatabase, summary: DecisionSummary): Promise<void> {
  await upsert(database, idOf(BY_TIME, summary.namespace, timeText(summary.decidedAtMs), summary.id), summary);
}

export function openDecisionIndex(database: DocumentDatabase): DecisionIndex {
  return {
    async list(query) {
      const { from, to } = idsUnder(BY_TIME, query.namespace);
      const start = query.sinceMs === undefined ? from : idOf(BY_TIME, query.namespace, timeText(query.sinceMs));
      const decisions: DecisionSummary[] = [];
      let lookedThrough = 0;
      for await (const { body } of database.range<DecisionSummary>({ from: start, to, limit: MAX_LOOKED_THROUGH, descending: true })) {
        lookedThrough++;
        if (body.v === 1 && answers(body, query)) decisions.push(body);
        if (decisions.length >= query.limit) break;
      }
      return { decisions, isCut: decisions.length < query.limit && lookedThrough >= MAX_LOOKED_THROUGH };
    },
  };
}
