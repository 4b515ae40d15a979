/** The routes of DESIGN section 6, and nothing else. */
import type { AllocationStore, Clock, DagStore } from "@openwhisk-harvest/core";
import express, { type Express } from "express";
import type { Logger } from "pino";
import type { DecisionDesk } from "../decision-desk.js";
import type { KeyVerifier } from "../key-verifier.js";
import type { Knowledge } from "../knowledge.js";
import type { SidecarMetrics } from "../metrics.js";
import { authenticate } from "./auth.js";
import { dagRoutes, modelRoutes } from "./dags.js";
import { decisionRoutes } from "./decisions.js";
import { errorHandler, unknownRoute } from "./errors.js";
import { operationRoutes } from "./operations.js";

export interface AppParts {
  readonly desk: DecisionDesk;
  readonly knowledge: Knowledge;
  readonly allocations: AllocationStore;
  readonly dags: DagStore;
  readonly keys: KeyVerifier;
  readonly metrics: SidecarMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createApp({ desk, knowledge, allocations, dags, keys, metrics, clock, logger }: AppParts): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // nobody asks twice for the same thing
  app.use((_request, response, next) => {
    response.on("finish", () => metrics.responded(response.statusCode));
    next();
  });
  app.use(operationRoutes({ allocations, dags, metrics, clock }));
  app.use("/v1", authenticate(keys));
  app.use("/v1/decisions", decisionRoutes(desk));
  app.use("/v1/dags", dagRoutes(dags, knowledge));
  app.use("/v1/models", modelRoutes(dags, knowledge));
  app.use(unknownRoute);
  app.use(errorHandler(logger));
  return app;
}
