/** For operators and their tools, without a key: whether the process lives, whether it is of use, and what it counted. */
import type { AllocationStore, Clock, DagStore } from "@openwhisk-harvest/core";
import { Router } from "express";
import { withinDeadline } from "../deadline.js";
import type { SidecarMetrics } from "../metrics.js";

const CHECK_DEADLINE_MS = 1_000;

export interface OperationsOptions {
  readonly allocations: AllocationStore;
  readonly dags: DagStore;
  readonly metrics: SidecarMetrics;
  readonly clock: Clock;
}

export function operationRoutes({ allocations, dags, metrics, clock }: OperationsOptions): Router {
  const router = Router();
  const works = async (what: string, check: Promise<unknown>) => {
    const [outcome] = await Promise.allSettled([withinDeadline(clock, CHECK_DEADLINE_MS, what, check)]);
    return outcome.status === "fulfilled";
  };

  router.get("/healthz", (_request, response) => {
    response.json({ ok: true });
  });

  /** 503 while Redis takes no writes, so that nothing could be published, or no DAG could be read; requests are answered all the same. */
  router.get("/readyz", async (_request, response) => {
    const [redis, documents] = await Promise.all([
      works("Redis", allocations.confirmWrites()),
      works("The document store", dags.get("_", "_")),
    ]);
    response.status(redis && documents ? 200 : 503).json({ ready: redis && documents, redis, documents });
  });

  router.get("/metrics", async (_request, response) => {
    response.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  });

  return router;
}
