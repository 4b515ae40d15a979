/** `POST /v1/decisions` and `GET /v1/decisions/:id`. */
import { HarvestError } from "@openwhisk-harvest/core";
import { json, Router } from "express";
import { compact, decisionRequestSchema } from "../decision-record.js";
import type { Decisions } from "../decisions.js";
import type { Ledgers } from "../ledger/ledgers.js";
import { authorize } from "./auth.js";
import { parsed } from "./errors.js";

/** `ledgers`: what stages that are under way have come to so far; closed ones are in the decision. */
export function decisionRoutes(decisions: Decisions, ledgers: Pick<Ledgers, "recordsOf">): Router {
  const router = Router();

  router.post("/", json({ limit: "16kb", inflate: false }), async (request, response) => {
    const asked = parsed(decisionRequestSchema, request.body, "request for a decision");
    const namespace = authorize(response, asked.namespace);
    response.json(compact(await decisions.decide({ ...asked, namespace })));
  });

  router.get("/:id", async (request, response) => {
    const decision = await decisions.find(request.params.id);
    if (!decision) throw new HarvestError("OWH_NOT_FOUND", "There is no such decision, or it is no longer stored.");
    authorize(response, decision.namespace);
    const underWay = ledgers.recordsOf(decision.root);
    response.json(underWay.length === 0 ? decision : { ...decision, ledger: [...(decision.ledger ?? []), ...underWay] });
  });

  return router;
}
