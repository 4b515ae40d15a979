/** The sidecar: wiring only. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AllocationStore,
  type Clock,
  type Config,
  type DagStore,
  type DecisionIndex,
  type DecisionStore,
  type Grid,
  HarvestError,
  type ModelHistory,
  type ModelStore,
  messageOf,
  type PinStore,
  type SigningKey,
  systemClock,
} from "@openwhisk-harvest/core";
import { destination, type Logger, pino } from "pino";
import type { ProductionReport } from "./collector/drift-metrics.js";
import { VerdictMemory } from "./decide/hysteresis.js";
import { DecisionBudget } from "./decision-budget.js";
import { type DecisionRecord, type DecisionRequest, withStageRecord } from "./decision-record.js";
import { DecisionWriter } from "./decision-writer.js";
import { Decisions } from "./decisions.js";
import { GuardedRedis } from "./guarded-redis.js";
import { createApp } from "./http/app.js";
import type { KeyVerifier } from "./key-verifier.js";
import { Knowledge } from "./knowledge.js";
import { LedgerMetrics } from "./ledger/ledger-metrics.js";
import { Ledgers } from "./ledger/ledgers.js";
import { PauseWatch } from "./ledger/pause-watch.js";
import { SidecarMetrics } from "./metrics.js";
import { runDecision } from "./run-decision.js";

export interface SidecarOptions {
  readonly config: Pick<Config, "decision" | "sidecar" | "parallel" | "logLevel">;
  readonly grid: Grid;
  /** The stores stay the caller's: close() leaves them open. */
  readonly allocations: AllocationStore;
  readonly dags: DagStore;
  readonly models: ModelStore & ModelHistory;
  readonly decisions: DecisionStore & DecisionIndex;
  readonly pins: PinStore;
  readonly verifyKeys: KeyVerifier;
  /** What is published is signed with it, for appliers that believe nothing else (core's signature.ts). */
  readonly signingKey?: SigningKey | undefined;
  /** @defaultValue writes to standard error, from `config.logLevel` on */
  readonly logger?: Logger;
  readonly clock?: Clock;
}

export interface Sidecar {
  readonly url: string;
  /** The path of `POST /v1/decisions` without HTTP and without a key. */
  decide(request: DecisionRequest): Promise<DecisionRecord>;
  /** Shows in /metrics how a DAG's model does in production; the collector of profiles tells. */
  reportProduction(report: ProductionReport): void;
  /** Answers what was asked, writes the decisions that wait, and stops listening. */
  close(): Promise<void>;
}

/** How long requests under way may take to end when the sidecar closes. */
const CLOSE_GRACE_MS = 1_000;

/** OWH_CHILD_FAILED when it cannot listen where it should. */
export async function startSidecar(options: SidecarOptions): Promise<Sidecar> {
  const { config, grid, allocations, dags, models, decisions: store, pins, verifyKeys: keys, signingKey, clock = systemClock } = options;
  const logger = options.logger ?? pino({ level: config.logLevel, name: "sidecar" }, destination(2));
  const metrics = new SidecarMetrics();
  const redis = new GuardedRedis(allocations, metrics);
  const knowledge = new Knowledge({ dags, models, pins, cacheMs: config.decision.cacheMs, clock, metrics, logger });
  const writer = new DecisionWriter({ store, clock, metrics, logger });
  const verdicts = new VerdictMemory();
  const budget = new DecisionBudget({ perSecond: config.decision.perSecond, clock });
  const parts = { settings: config.decision, grid, knowledge, redis, clock, metrics, logger, signingKey, verdicts, budget };
  const decisions = new Decisions({
    decide: async (request) => runDecision(request.fork ? await withRunsInput(request) : request, parts),
    store,
    onDecided: (decision) => {
      if (decision.stages.length > 0) writer.add(decision); // in the modes off and profile there is nothing to explain
    },
  });
  /** The range in which a model is trusted is that of the run's input; the request knows its items only. */
  const withRunsInput = async (request: DecisionRequest): Promise<DecisionRequest> => {
    const ofRun = await decisions.find(request.root);
    return ofRun ? { ...request, inputBytes: ofRun.inputBytes } : request;
  };
  const ledgers = new Ledgers({
    store: allocations,
    findDecision: (id) => decisions.find(id),
    stageTimeoutMs: config.parallel.stageTimeoutMs,
    metrics: new LedgerMetrics(metrics.registry),
    clock,
    logger,
    signingKey,
    onClosed: (decision, record) => {
      void decisions.amend(decision, (known) => withStageRecord(known, record)).then((amended) => writer.add(amended));
    },
  });
  const app = createApp({ decisions, ledgers, knowledge, allocations, dags, models, pins, index: store, keys, metrics, clock, logger });
  const server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000 }, app);
  const url = await listen(server, config.sidecar);
  server.on("error", (error) => logger.error({ reason: messageOf(error) }, "the server failed"));
  ledgers.start();
  const pauses = new PauseWatch({ allocations, ledgers, clock, logger });
  return {
    url,
    decide: (request) => decisions.decide(request),
    reportProduction: (report) => metrics.drift.report(report),
    close: async () => {
      await closeServer(server);
      await pauses.close();
      await ledgers.close();
      await writer.close();
    },
  };
}

async function listen(server: Server, { host, port }: Config["sidecar"]): Promise<string> {
  server.listen(port, host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new HarvestError("OWH_CHILD_FAILED", `The sidecar cannot listen on ${host}:${port}: ${messageOf(error)}.`, { cause: error });
  }
  const { port: bound } = server.address() as AddressInfo;
  return `http://${host.includes(":") ? `[${host}]` : host}:${bound}`;
}

async function closeServer(server: Server): Promise<void> {
  if (!server.listening) return;
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS);
  await closed;
  clearTimeout(timer);
}
