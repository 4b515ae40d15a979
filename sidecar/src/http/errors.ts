/** Every answer that is not a success: `{error, code}` with the status of the code (architecture, 6). */
import { type ErrorCode, HarvestError, messageOf } from "@openwhisk-harvest/core";
import type { ErrorRequestHandler, RequestHandler } from "express";
import type { Logger } from "pino";
import type { z } from "zod";

/** For bugs: the answer says nothing of the inside, the log does. */
const INTERNAL = new HarvestError("OWH_INTERNAL", "The sidecar failed; its log says why.");

export const unknownRoute: RequestHandler = (request) => {
  throw new HarvestError("OWH_NOT_FOUND", `There is no ${request.method} ${request.path}.`);
};

export function errorHandler(logger: Logger): ErrorRequestHandler {
  return (thrown, request, response, next) => {
    const error = asHarvestError(thrown);
    if (!error)
      logger.error({ method: request.method, route: request.path, reason: messageOf(thrown), stack: thrown?.stack }, "request failed");
    if (response.headersSent) return next(thrown);
    if (error?.code === "OWH_UNAUTHORIZED") response.set("www-authenticate", 'Basic realm="openwhisk"');
    const told = error ?? INTERNAL;
    response.status(told.httpStatus).json(told.toBody());
  };
}

/** Our own errors, and what express and its body parser say of a request that cannot be read. */
function asHarvestError(thrown: unknown): HarvestError | undefined {
  if (thrown instanceof HarvestError) return thrown;
  const { status, type } = (thrown ?? {}) as { status?: unknown; type?: unknown };
  if (type === "entity.too.large") return new HarvestError("OWH_TOO_LARGE", "The body is larger than allowed here.");
  const isTheirFault = typeof status === "number" && status >= 400 && status < 500;
  return isTheirFault
    ? new HarvestError("OWH_BAD_REQUEST", "The request cannot be read: it is no JSON, or its path is malformed.")
    : undefined;
}

/** The value as the schema reads it, or an error of this code that names what is wrong, but no value. */
export function parsed<S extends z.ZodType>(schema: S, value: unknown, what: string, code: ErrorCode = "OWH_BAD_REQUEST"): z.infer<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const mistakes = result.error.issues.slice(0, 5).map(({ path, message }) => `${path.join(".") || what}: ${message}`);
  throw new HarvestError(code, `The ${what} is malformed: ${mistakes.join("; ")}.`);
}
