/**
 * `GET /v1/modes/:namespace`, and `PUT` and `DELETE /v1/pauses/:namespace[/[package/]action]`: consent, by the owner's
 * own key.
 */
import { effectiveMode, HarvestError, type ModeSettings, type Pause, pausesInForce } from "@openwhisk-harvest/core";
import { json, type Request, Router } from "express";
import { z } from "zod";
import { authorize } from "./auth.js";
import { parsed } from "./errors.js";
import type { OwnerPauses } from "./owner-pauses.js";

/** A year: a pause without an end holds for ever. */
const LONGEST_PAUSE_MS = 366 * 86_400_000;
const pauseRequest = z.strictObject({
  forMs: z.number().positive().max(LONGEST_PAUSE_MS).optional(),
  reason: z.string().min(1).max(500).optional(),
});

/** What one namespace may know of the modes: its own, and what holds for all. */
export interface NamespaceModes {
  readonly namespace: string;
  /** In force for its actions that say nothing themselves. */
  readonly mode: ReturnType<typeof effectiveMode>;
  readonly global: ModeSettings["global"];
  readonly own?: ModeSettings["global"];
  readonly pauses: readonly Pause[];
}

export function modesOf(settings: ModeSettings, namespace: string, nowMs: number): NamespaceModes {
  const own = Object.hasOwn(settings.namespaces, namespace) ? settings.namespaces[namespace] : undefined;
  return {
    namespace,
    mode: effectiveMode(settings, namespace, undefined, { nowMs }),
    global: settings.global,
    ...(own === undefined ? {} : { own }),
    pauses: pausesInForce(settings, nowMs).filter((pause) => pause.namespace === undefined || pause.namespace === namespace),
  };
}

export function modeRoutes(pauses: OwnerPauses, nowMs: () => number): Router {
  const router = Router();

  router.get("/modes/:namespace", async (request, response) => {
    const namespace = authorize(response, request.params.namespace);
    response.json(modesOf(await pauses.modes(), namespace, nowMs()));
  });

  router.put("/pauses/:namespace{/*action}", json({ limit: "16kb", inflate: false }), async (request, response) => {
    const namespace = authorize(response, request.params.namespace);
    const asked = parsed(pauseRequest, request.body ?? {}, "pause");
    response.json(modesOf(await pauses.pause({ namespace, action: actionOf(request) }, asked), namespace, nowMs()));
  });

  router.delete("/pauses/:namespace{/*action}", async (request, response) => {
    const namespace = authorize(response, request.params.namespace);
    response.json(modesOf(await pauses.resume({ namespace, action: actionOf(request) }), namespace, nowMs()));
  });

  return router;
}

const ACTION = /^[\w@ .-]{1,256}$/;

/** `[package/]action` of the path; undefined when it names the whole namespace. */
function actionOf({ params }: Request<{ namespace: string; action?: string[] }>): string | undefined {
  const { action } = params;
  if (action === undefined) return undefined;
  if (action.length <= 2 && action.every((part) => ACTION.test(part))) return action.join("/");
  throw new HarvestError("OWH_BAD_REQUEST", "An action is named as in OpenWhisk: [package/]action.");
}
