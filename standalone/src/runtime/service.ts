/**
 * The state of one action container, as service.js of openwhisk-runtime-nodejs keeps it.
 *
 *   new --/init--> starting --ok--> ready --/run--> running --answer--> ready
 *                     |                                |
 *                     +--failed--> stopped             +--main threw--> stopped
 *
 * service.S1  One /init, and one /run at a time, or any number where the container's environment says `__OW_ALLOW_CONCURRENT=true`;
 *     everything else is refused with 403 and changes nothing.
 * service.S2  The sentinels are on both streams before a run, or a failed initialization, is answered.
 * service.S3  Whatever user code throws or returns, there is an answer; only leaving the process prevents it.
 */
import { loadAction, type UserMain } from "./action-loader.js";
import { serializeError } from "./serialize-error.js";

export const SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

type State = "new" | "starting" | "ready" | "running" | "stopped";

export class RuntimeService {
  #state: State = "new";
  #main: UserMain | undefined;
  readonly #isShared = process.env["__OW_ALLOW_CONCURRENT"]?.toLowerCase() === "true";
  readonly #stdout = process.stdout.write.bind(process.stdout); // user code may replace the methods, not these
  readonly #stderr = process.stderr.write.bind(process.stderr);

  init(body: unknown): Answer {
    if (this.#main) return this.#refuse("Cannot initialize the action more than once.");
    if (this.#state !== "new") return this.#refuse(`System not ready, status is ${this.#state}.`);
    const value = fieldsOf(fieldsOf(body)["value"]);
    const { main, code, binary, env } = value;
    if (typeof main !== "string" || typeof code !== "string" || main === "" || code === "")
      return errorAnswer(403, "Missing main/no code to execute.");
    this.#state = "starting";
    try {
      for (const [name, setting] of Object.entries(fieldsOf(env))) process.env[name] = environmentText(setting);
      this.#main = loadAction({ main, code, binary: binary === true });
      this.#state = "ready";
      return { status: 200, body: '{"OK":true}' };
    } catch (error) {
      this.#state = "stopped";
      logError("Error during initialization:", error);
      this.#writeSentinels();
      return errorAnswer(502, `Initialization has failed due to: ${stackOrText(error)}`);
    }
  }

  async run(body: unknown): Promise<Answer> {
    const main = this.#main;
    if (!main) return this.#refuse("System not initialized.");
    if (this.#state !== "ready") return this.#refuse(`System not ready, status is ${this.#state}.`);
    const { value: given, ...rest } = fieldsOf(body);
    const value = given ?? {};
    if (typeof value !== "object")
      return this.#refuse(`Internal system error: the argument must be a dictionary but has type '${typeof value}'.`);
    if (!this.#isShared) this.#state = "running";
    for (const [name, field] of Object.entries(rest)) if (typeof field === "string") process.env[`__OW_${name.toUpperCase()}`] = field;
    const answer = await this.#callMain(main, value);
    this.#writeSentinels();
    return answer;
  }

  async #callMain(main: UserMain, value: unknown): Promise<Answer> {
    let returned: unknown;
    try {
      returned = main(value);
    } catch (error) {
      this.#state = "stopped";
      logError(error);
      return errorAnswer(502, `An error has occurred: ${textOf(error)}`);
    }
    const result = await settle(returned);
    if (this.#state === "running") this.#state = "ready";
    return answerOf(result);
  }

  #refuse(message: string): Answer {
    logError("Internal system error:", message);
    return errorAnswer(403, message);
  }

  #writeSentinels(): void {
    this.#stdout(`${SENTINEL}\n`);
    this.#stderr(`${SENTINEL}\n`);
  }
}

/** Nothing returned is an empty result; a rejection is an error that the function reports, not one that it suffers. */
async function settle(returned: unknown): Promise<unknown> {
  try {
    const result = await returned;
    return result === undefined ? {} : result;
  } catch (error) {
    return { error: error ? serializeError(error) : {} };
  }
}

function answerOf(result: unknown): Answer {
  if (typeof result !== "object") {
    logError(`Result must be of type object but has type "${typeof result}":`, result);
    return errorAnswer(502, "The action did not return a dictionary.");
  }
  try {
    return { status: 200, body: JSON.stringify(result) ?? "" };
  } catch (error) {
    logError("The result cannot be written as JSON:", error);
    return errorAnswer(500, "Internal error.");
  }
}

export function errorAnswer(status: number, error: string): Answer {
  return { status, body: JSON.stringify({ error }) };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** As service.js: falsy values become the empty text. */
function environmentText(value: unknown): string {
  if (typeof value === "object" && value !== null) return JSON.stringify(value);
  return value ? String(value) : "";
}

/** service.S3: a thrown value may refuse to be printed or turned into text. */
function guarded(describe: () => string): string {
  try {
    return describe();
  } catch {
    return "an error that cannot be shown as text";
  }
}

function textOf(error: unknown): string {
  return guarded(() => `${error}`);
}

function stackOrText(error: unknown): string {
  return guarded(() => {
    const stack = (error as Error | undefined)?.stack;
    return stack ? String(stack) : `${error}`;
  });
}

/** To the activation's log. */
function logError(...parts: unknown[]): void {
  try {
    // biome-ignore lint/suspicious/noConsole: the console is the log of the activation
    console.error(...parts);
  } catch {
    process.stderr.write("An error that cannot be shown as text.\n");
  }
}
