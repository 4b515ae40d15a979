/** `GET /v1/decisions?...`: a namespace's decisions, the newest first; `GET /v1/decisions/:id/explanation`: one of them in words. */
import { type DecisionIndex, HarvestError, MODES, type ReasonCode } from "@openwhisk-harvest/core";
import { Router } from "express";
import { z } from "zod";
import type { Decisions } from "../decisions.js";
import { explainDecision } from "../explain.js";
import { REASON_WORDS } from "../explain-words.js";
import { authorize } from "./auth.js";
import { parsed } from "./errors.js";

const MAX_LISTED = 1_000;
const REASON_CODES = Object.keys(REASON_WORDS) as ReasonCode[];
const wholeNumber = z
  .string()
  .regex(/^\d{1,15}$/, "not a whole number")
  .transform(Number);
const listQuery = z.strictObject({
  namespace: z.string().min(1).default("_"),
  dag: z.string().min(1).max(256).optional(),
  mode: z.enum(MODES).optional(),
  reason: z.enum(REASON_CODES).optional(),
  /** Epoch ms. */
  since: wholeNumber.optional(),
  limit: wholeNumber.pipe(z.number().min(1).max(MAX_LISTED)).default(100),
});

export function decisionListRoutes(decisions: Pick<Decisions, "find">, index: DecisionIndex): Router {
  const router = Router();

  router.get("/", async (request, response) => {
    const { since: sinceMs, ...query } = parsed(listQuery, request.query, "query");
    response.json(await index.list({ ...query, namespace: authorize(response, query.namespace), sinceMs }));
  });

  router.get("/:id/explanation", async (request, response) => {
    const decision = await decisions.find(request.params.id);
    if (!decision) throw new HarvestError("OWH_NOT_FOUND", "There is no such decision, or it is no longer stored.");
    authorize(response, decision.namespace);
    response.json({ id: decision.id, root: decision.root, lines: explainDecision(decision) });
  });

  return router;
}
