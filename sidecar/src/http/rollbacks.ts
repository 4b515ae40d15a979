/**
 * `GET`, `PUT` and `DELETE /v1/pins/:namespace/:dag`: which model and policy are used for a DAG. A pin points to an
 * older model or to a policy (core, pin.ts); taking it away goes back to the newest model and the configured policy.
 * Nothing is ever deleted.
 */
import {
  type Clock,
  type DagPin,
  HarvestError,
  type ModelDocument,
  type ModelHistory,
  type PinStore,
  POLICIES,
  versionToPin,
} from "@openwhisk-harvest/core";
import { json, type Request, type Response, Router } from "express";
import { z } from "zod";
import type { Knowledge } from "../knowledge.js";
import { authorize } from "./auth.js";
import { parsed } from "./errors.js";

const pinRequest = z.strictObject({
  /** A version, or `previous`: the one before the version in use. */
  model: z.string().min(1).max(20).optional(),
  policy: z.enum(POLICIES).optional(),
  reason: z.string().min(1).max(500).optional(),
});

/** What is said of a model in a list: all but its samples and layout. */
export type ModelLine = Pick<ModelDocument, "version" | "dagVersion" | "trainer" | "createdAtMs" | "scores">;

export interface PinView {
  readonly namespace: string;
  readonly dag: string;
  /** Version of the model in use; absent when there is none. */
  readonly modelInUse?: string;
  readonly pin?: DagPin;
  /** Oldest first. */
  readonly models: readonly ModelLine[];
}

export interface PinParts {
  readonly models: ModelHistory;
  readonly pins: PinStore;
  readonly knowledge: Pick<Knowledge, "dag" | "forgetModel">;
  readonly clock: Clock;
}

export function pinRoutes(parts: PinParts): Router {
  const { pins, knowledge, clock } = parts;
  const router = Router();
  type PinRequest = Request<{ namespace: string; dag: string }>;
  const scopeOf = async ({ params }: PinRequest, response: Response) => {
    const namespace = authorize(response, params.namespace);
    await knowledge.dag(namespace, params.dag); // 404 for what was never deployed
    return { namespace, dag: params.dag };
  };

  router.get("/:namespace/:dag", async (request: PinRequest, response) => {
    const { namespace, dag } = await scopeOf(request, response);
    response.json(await view(namespace, dag, parts));
  });

  router.put("/:namespace/:dag", json({ limit: "16kb", inflate: false }), async (request: PinRequest, response) => {
    const { namespace, dag } = await scopeOf(request, response);
    const asked = parsed(pinRequest, request.body, "pin");
    if (asked.model === undefined && asked.policy === undefined)
      throw new HarvestError("OWH_BAD_REQUEST", "A pin names a model, a policy, or both.");
    const { models, modelInUse, pin } = await view(namespace, dag, parts);
    const versions = models.map(({ version }) => version);
    const model = asked.model && versionToPin(versions, modelInUse, asked.model === "previous" ? undefined : asked.model);
    await pins.put(namespace, dag, { ...pin, ...withoutUndefined({ ...asked, model }), v: 1, sinceMs: clock.nowMs() });
    knowledge.forgetModel(namespace, dag);
    response.json(await view(namespace, dag, parts));
  });

  router.delete("/:namespace/:dag", async (request: PinRequest, response) => {
    const { namespace, dag } = await scopeOf(request, response);
    await pins.remove(namespace, dag);
    knowledge.forgetModel(namespace, dag);
    response.json(await view(namespace, dag, parts));
  });

  return router;
}

async function view(namespace: string, dag: string, { models, pins }: PinParts): Promise<PinView> {
  const [stored, pin] = await Promise.all([models.versions(namespace, dag), readPin(pins, namespace, dag)]);
  const modelInUse = pin?.model ?? stored.at(-1)?.version;
  return {
    namespace,
    dag,
    ...(modelInUse === undefined ? {} : { modelInUse }),
    ...(pin ? { pin } : {}),
    models: stored.map(({ version, dagVersion, trainer, createdAtMs, scores }) => ({ version, dagVersion, trainer, createdAtMs, scores })),
  };
}

/** One that cannot be read is as good as none to a caller that makes a new one. */
async function readPin(pins: PinStore, namespace: string, dag: string): Promise<DagPin | undefined> {
  try {
    return await pins.get(namespace, dag);
  } catch (error) {
    if (error instanceof HarvestError && error.code === "OWH_CONFLICT") return undefined;
    throw error;
  }
}

function withoutUndefined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}
