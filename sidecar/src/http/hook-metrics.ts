/** What the hooks of conductors tell of their questions (core, hook-counts.ts), added up over all conductors. */
import { HOOK_COUNTS_HEADER, type HookOutcome, parseHookCounts } from "@openwhisk-harvest/core";
import type { RequestHandler } from "express";
import { Counter, type Registry } from "prom-client";

/** Reads the header of every request that passes; only callers with a key get this far. */
export function hookCounting(registry: Registry): RequestHandler {
  const counter = new Counter({
    name: "harvest_hook_questions_total",
    help: "Questions of conductors that went wrong, as their hooks told: late, failed, refused, skipped; and breakers opened",
    labelNames: ["outcome"],
    registers: [registry],
  });
  return (request, _response, next) => {
    for (const [outcome, count] of Object.entries(parseHookCounts(request.headers[HOOK_COUNTS_HEADER])))
      counter.inc({ outcome: outcome as HookOutcome }, count);
    next();
  };
}
