/**
 * Decisions in `harvest_decisions`, under `<R>/<time>/<id>`: the decisions of a run are one range, the newest last. An id that begins
 * with its R (`<R>`, `<R>-1`) leads there by itself; for any other a second document, `id/<id>`, says which R it belongs to. Lists by
 * time: decision-index.ts.
 */
import {
  type Decision,
  type DecisionIndex,
  type DecisionStore,
  type DocumentDatabase,
  type DocumentStore,
  HarvestError,
  isActivationId,
  summarizeDecision,
} from "@openwhisk-harvest/core";
import { indexDecision, openDecisionIndex } from "./decision-index.js";
import { idOf, idsUnder, sortable } from "./ids.js";
import { upsert } from "./upsert.js";

/** Milliseconds since the epoch have 13 digits until the year 2286. */
const TIME_DIGITS = 15;
/** Of an activation id, see run-key.ts. */
const ROOT_LENGTH = 32;

export function openDecisionStore(documents: DocumentStore): DecisionStore & DecisionIndex {
  const database = documents.database("harvest_decisions");
  return {
    ...openDecisionIndex(database),
    async put(decision) {
      if (!isActivationId(decision.root)) throw new HarvestError("OWH_BAD_REQUEST", `The decision ${decision.id} has no root run.`);
      if (!leadsTo(decision.root, decision.id)) await upsert(database, idOf("id", decision.id), { root: decision.root });
      const at = sortable(Math.trunc(decision.decidedAtMs), TIME_DIGITS);
      await upsert(database, idOf(decision.root, at, decision.id), decision);
      await indexDecision(database, summarizeDecision(decision));
    },
    async find(idOrRoot) {
      const root = await rootOf(database, idOrRoot);
      return root === undefined ? undefined : findUnder(database, root, idOrRoot);
    },
  };
}

function leadsTo(root: string, id: string): boolean {
  return id === root || id.startsWith(`${root}-`);
}

async function rootOf(database: DocumentDatabase, idOrRoot: string): Promise<string | undefined> {
  const root = idOrRoot.slice(0, ROOT_LENGTH);
  if (isActivationId(root) && leadsTo(root, idOrRoot)) return root;
  return (await database.get<{ root: string }>(idOf("id", idOrRoot)))?.body.root;
}

/** The newest decision of a run that has this id, or simply the newest when the id is R. */
async function findUnder(database: DocumentDatabase, root: string, idOrRoot: string): Promise<Decision | undefined> {
  for await (const { body } of database.range<Decision>({ ...idsUnder(root), descending: true }))
    if (body.v === 1 && (idOrRoot === root || body.id === idOrRoot)) return body;
  return undefined;
}
