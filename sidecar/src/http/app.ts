/** The routes (architecture, 6), and those by which owners look and intervene. */
import type { AllocationStore, Clock, DagStore, DecisionIndex, ModelHistory, PinStore } from "@openwhisk-harvest/core";
import express, { type Express } from "express";
import type { Logger } from "pino";
import type { Decisions } from "../decisions.js";
import type { KeyVerifier } from "../key-verifier.js";
import type { Knowledge } from "../knowledge.js";
import type { Ledgers } from "../ledger/ledgers.js";
import type { SidecarMetrics } from "../metrics.js";
import { authenticate } from "./auth.js";
import { dagRoutes, modelRoutes } from "./dags.js";
import { decisionListRoutes } from "./decision-lists.js";
import { decisionRoutes } from "./decisions.js";
import { errorHandler, unknownRoute } from "./errors.js";
import { hookCounting } from "./hook-metrics.js";
import { registerModeMetrics } from "./mode-metrics.js";
import { modeRoutes } from "./modes.js";
import { operationRoutes } from "./operations.js";
import { OwnerPauses } from "./owner-pauses.js";
import { pinRoutes } from "./rollbacks.js";

export interface AppParts {
  readonly decisions: Decisions;
  readonly ledgers: Pick<Ledgers, "recordsOf">;
  readonly knowledge: Knowledge;
  readonly allocations: AllocationStore;
  readonly dags: DagStore;
  readonly models: ModelHistory;
  readonly pins: PinStore;
  readonly index: DecisionIndex;
  readonly keys: KeyVerifier;
  readonly metrics: SidecarMetrics;
  readonly clock: Clock;
  readonly logger: Logger;
}

export function createApp(parts: AppParts): Express {
  const { decisions, ledgers, knowledge, allocations, dags, models, pins, index, keys, metrics, clock, logger } = parts;
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag"); // no caller asks twice for the same thing
  app.use((_request, response, next) => {
    response.on("finish", () => metrics.responded(response.statusCode));
    next();
  });
  app.use(operationRoutes({ allocations, dags, metrics, clock }));
  registerModeMetrics(metrics.registry, allocations, clock);
  app.use("/v1", authenticate(keys), hookCounting(metrics.registry));
  app.use(
    "/v1",
    modeRoutes(new OwnerPauses(allocations, clock), () => clock.nowMs()),
  );
  app.use("/v1/pins", pinRoutes({ models, pins, knowledge, clock }));
  app.use("/v1/decisions", decisionListRoutes(decisions, index));
  app.use("/v1/decisions", decisionRoutes(decisions, ledgers));
  app.use("/v1/dags", dagRoutes(dags, knowledge));
  app.use("/v1/models", modelRoutes(dags, knowledge));
  app.use(unknownRoute);
  app.use(errorHandler(logger));
  return app;
}
