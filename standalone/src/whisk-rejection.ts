/** Requests that OpenWhisk answers with an error. */
import { malformedContent } from "./whisk-texts.js";

/** The HTTP status and OpenWhisk's own text; of a refusal that passes, when to come again. */
export class WhiskRejection extends Error {
  readonly status: number;
  readonly retryAfterMs?: number;

  constructor(status: number, message: string, retryAfterMs?: number) {
    super(message);
    this.name = "WhiskRejection";
    this.status = status;
    if (retryAfterMs !== undefined) this.retryAfterMs = retryAfterMs;
  }
}

/** 400 for a body that cannot be what it should be. */
export function malformed(why: string): WhiskRejection {
  return new WhiskRejection(400, malformedContent(why));
}
