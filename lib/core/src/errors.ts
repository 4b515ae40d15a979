/**
 * The error catalogue. A code is stable for ever: it may be matched by programs and looked up by people.
 * The class of an error tells the caller what to do:
 *  - `fallback`: go on with the user allocation; nothing is lost.
 *  - `retryable`: the same call may succeed later.
 *  - `rejected`: the input is wrong; the same call will always fail.
 *  - `fatal`: the process cannot go on.
 */
export type ErrorClass = "fallback" | "retryable" | "rejected" | "fatal";

interface CatalogueEntry {
  readonly httpStatus: number;
  readonly class: ErrorClass;
  readonly meaning: string;
}

export const ERROR_CATALOGUE = {
  OWH_BAD_CONFIG: { httpStatus: 500, class: "fatal", meaning: "A configuration value is missing, unknown or out of range." },
  OWH_BAD_REQUEST: { httpStatus: 400, class: "rejected", meaning: "The body or a parameter of a request is malformed." },
  OWH_BAD_JOB: { httpStatus: 400, class: "rejected", meaning: "A job file is malformed or names a file that does not exist." },
  OWH_BAD_COMPOSITION: { httpStatus: 400, class: "rejected", meaning: "A composition cannot be compiled or described." },
  OWH_BAD_ALLOCATION: { httpStatus: 400, class: "rejected", meaning: "An allocation cannot be encoded, decoded or applied." },
  OWH_BAD_KEY: { httpStatus: 400, class: "rejected", meaning: "A run key does not have the form R:<trail>/<astPath>:<seq>." },
  OWH_BAD_MODEL: { httpStatus: 500, class: "fallback", meaning: "A model document is damaged or inconsistent." },
  OWH_MODEL_TOO_NEW: { httpStatus: 500, class: "fallback", meaning: "A model was written by a newer version of this software." },
  OWH_NO_MODEL: { httpStatus: 404, class: "fallback", meaning: "No model has been trained for this DAG." },
  OWH_BAD_DATASET: { httpStatus: 400, class: "rejected", meaning: "A dataset is empty, too small or holds values that are no numbers." },
  OWH_UNAUTHORIZED: { httpStatus: 401, class: "rejected", meaning: "The OpenWhisk key is missing or not known." },
  OWH_FORBIDDEN: { httpStatus: 403, class: "rejected", meaning: "The key is known but belongs to another namespace." },
  OWH_NOT_FOUND: { httpStatus: 404, class: "rejected", meaning: "The named thing does not exist." },
  OWH_CONFLICT: { httpStatus: 409, class: "retryable", meaning: "The document was changed by another writer in the meantime." },
  OWH_TOO_LARGE: { httpStatus: 413, class: "rejected", meaning: "A body or a document exceeds its size limit." },
  OWH_STORE_UNAVAILABLE: { httpStatus: 503, class: "retryable", meaning: "Redis or the document store does not answer." },
  OWH_DISK_UNWRITABLE: {
    httpStatus: 503,
    class: "retryable",
    meaning: "The disk of the data folder is full, read-only or failing; nothing was changed.",
  },
  OWH_UNREACHABLE: { httpStatus: 503, class: "retryable", meaning: "OpenWhisk or the sidecar does not answer at its address." },
  OWH_DEADLINE: { httpStatus: 504, class: "fallback", meaning: "An answer came later than its deadline." },
  OWH_NO_INVOKER: { httpStatus: 503, class: "retryable", meaning: "No invoker is healthy, or none got room before the deadline." },
  OWH_NO_CGROUP: { httpStatus: 500, class: "fatal", meaning: "A control group cannot be created or written." },
  OWH_PROFILE_FAILED: { httpStatus: 500, class: "rejected", meaning: "Profiling could not produce a single usable run." },
  OWH_INTERNAL: { httpStatus: 500, class: "fallback", meaning: "A fault of this software; its log has the details." },
  OWH_CHILD_FAILED: { httpStatus: 500, class: "fatal", meaning: "A process that belongs to the stack could not be started or died." },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof ERROR_CATALOGUE;

/** An error of this project: a stable code, a message that names the value and the place, and what to do about it. */
export class HarvestError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = "HarvestError";
    this.code = code;
  }

  get httpStatus(): number {
    return ERROR_CATALOGUE[this.code].httpStatus;
  }

  get class(): ErrorClass {
    return ERROR_CATALOGUE[this.code].class;
  }

  /** The body that every HTTP service of this project answers with. */
  toBody(): { error: string; code: ErrorCode } {
    return { error: this.message, code: this.code };
  }
}

/** The message of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
