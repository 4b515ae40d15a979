/** What a command is: a row of the command table. */
import type { Reply } from "../resp/reply.js";
import type { Keyspace } from "./keyspace.js";
import type { Session } from "./session.js";

/** An answer that is not there yet: the session waits until `attempt` gives one, or its time is up. */
export class Waiting {
  constructor(
    readonly type: "list" | "stream",
    readonly keys: readonly string[],
    /** 0 waits for ever. */
    readonly timeoutMs: number,
    readonly timedOut: Reply,
    /** Within a transaction nothing waits: this is the answer there. */
    readonly inTransaction: Reply,
    /** Tries for one key that has changed; undefined when there is still nothing for this session. */
    readonly attempt: (key: string, context: Context) => Reply | undefined,
  ) {}
}

/** What a command works with. */
export interface Context {
  readonly keyspace: Keyspace;
  readonly session: Session;
  readonly nowMs: number;
  /** Records a change as the request that repeats it exactly. Every change of a key is recorded, and nothing else. */
  readonly effect: (...request: readonly (Buffer | string | number)[]) => void;
  /** Says that a list or stream may now have something for the sessions that wait for it. */
  readonly changed: (key: string) => void;
}

/** Words of a request; the first is the command's name. */
export type Request = readonly Buffer[];

export interface Command {
  /** Number of words; a negative one is a minimum, as in Redis. */
  readonly arity: number;
  readonly keys?: (request: Request) => readonly Buffer[];
  /** May be sent before logging in. */
  readonly open?: true;
  readonly run: (request: Request, context: Context) => Reply | Waiting;
}

export type CommandTable = Readonly<Record<string, Command>>;

/** The keys from word `first` to word `last`; a negative `last` counts from the end. */
export function keysFrom(first: number, last = first): (request: Request) => readonly Buffer[] {
  return (request) => request.slice(first, last < 0 ? request.length + last + 1 : last + 1);
}
