/** Requests that OpenWhisk answers with an error. */
import { malformedContent } from "./whisk-texts.js";

/** The HTTP status and OpenWhisk's own text. */
export class WhiskRejection extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "WhiskRejection";
    this.status = status;
  }
}

/** 400 for a body that cannot be what it should be. */
export function malformed(why: string): WhiskRejection {
  return new WhiskRejection(400, malformedContent(why));
}
