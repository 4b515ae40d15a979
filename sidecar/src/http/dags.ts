/** `GET` and `PUT /v1/dags/:namespace/:name`, `GET /v1/models`. */
import { type DagStore, HarvestError, storedDagSchema } from "@openwhisk-harvest/core";
import { json, Router } from "express";
import { z } from "zod";
import { checkDag } from "../dag-check.js";
import type { Knowledge } from "../knowledge.js";
import { authorize } from "./auth.js";
import { parsed } from "./errors.js";

export function dagRoutes(dags: DagStore, knowledge: Knowledge): Router {
  const router = Router();

  router.get("/:namespace/:name", async (request, response) => {
    const namespace = authorize(response, request.params.namespace);
    response.json(await knowledge.dag(namespace, request.params.name));
  });

  router.put("/:namespace/:name", json({ limit: "1mb", inflate: false }), async (request, response) => {
    const namespace = authorize(response, request.params.namespace);
    const dag = parsed(storedDagSchema, request.body, "DAG description");
    if (dag.namespace !== namespace || dag.name !== request.params.name)
      throw new HarvestError("OWH_BAD_REQUEST", "The DAG description bears another name than its address.");
    checkDag(dag);
    await dags.put(dag);
    knowledge.forgetDag(namespace, dag.name);
    response.json(dag);
  });

  return router;
}

const modelsQuery = z.strictObject({ namespace: z.string().min(1).default("_"), dag: z.string().min(1).optional() });

/** The documents of the newest models in use: of one DAG, or of all DAGs of the namespace. Their trees stay in the store. */
export function modelRoutes(dags: DagStore, knowledge: Knowledge): Router {
  const router = Router();
  router.get("/", async (request, response) => {
    const query = parsed(modelsQuery, request.query, "query");
    const namespace = authorize(response, query.namespace);
    const names = query.dag === undefined ? (await dags.list(namespace)).map((dag) => dag.name) : [query.dag];
    const models = [];
    for (const name of names) {
      const model = await knowledge.model(namespace, name);
      if (model) models.push(model.document);
    }
    response.json({ models });
  });
  return router;
}
