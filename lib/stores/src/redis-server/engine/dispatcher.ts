/**
 * Decides what becomes of one session's requests (server.c `processCommand`, in its order): unknown, wrong number of words, not
 * logged in, not permitted; then queued within MULTI, or run.
 *
 *   idle --MULTI--> queueing --EXEC | DISCARD--> idle; a refused request while queueing makes EXEC fail
 */
import { ErrorReply, NULL_ARRAY, OK, type Reply, Status } from "../resp/reply.js";
import type { Command, Request, Waiting } from "./command.js";
import type { Engine } from "./engine.js";
import type { Session } from "./session.js";
import { keyOf } from "./values.js";

interface Transaction {
  readonly queued: { readonly command: Command; readonly request: Request }[];
  refused: boolean;
}

/** The commands that steer a transaction, handled here: they are known, but never run by the engine. */
const STEERING = new Set(["multi", "exec", "discard"]);
const steering: Command = { arity: 1, run: () => NULL_ARRAY };

export class Dispatcher {
  readonly #engine: Engine;
  readonly #session: Session;
  #transaction: Transaction | undefined;

  constructor(engine: Engine, session: Session) {
    this.#engine = engine;
    this.#session = session;
  }

  handle(request: Request): Reply | Waiting {
    const name = (request[0] as Buffer).toString("latin1").toLowerCase();
    const command = STEERING.has(name) ? steering : this.#engine.command(name);
    const refusal = command ? this.#refusalOf(name, command, request) : unknownCommand(request);
    if (refusal) {
      if (this.#transaction) this.#transaction.refused = true;
      return new ErrorReply(refusal);
    }
    return this.#dispatch(name, command as Command, request);
  }

  #dispatch(name: string, command: Command, request: Request): Reply | Waiting {
    if (name === "multi") return this.#begin();
    if (name === "exec") return this.#execute();
    if (name === "discard") return this.#discard();
    if (!this.#transaction || name === "quit") return this.#engine.run(command, request, this.#session);
    this.#transaction.queued.push({ command, request });
    return new Status("QUEUED");
  }

  #begin(): Reply {
    if (this.#transaction) return new ErrorReply("ERR MULTI calls can not be nested");
    this.#transaction = { queued: [], refused: false };
    return OK;
  }

  #execute(): Reply {
    const transaction = this.#transaction;
    this.#transaction = undefined;
    if (!transaction) return new ErrorReply("ERR EXEC without MULTI");
    if (transaction.refused) return new ErrorReply("EXECABORT Transaction discarded because of previous errors.");
    return this.#engine.runAll(transaction.queued, this.#session);
  }

  #discard(): Reply {
    if (!this.#transaction) return new ErrorReply("ERR DISCARD without MULTI");
    this.#transaction = undefined;
    return OK;
  }

  #refusalOf(name: string, command: Command, request: Request): string | undefined {
    if (command.arity < 0 ? request.length < -command.arity : request.length !== command.arity)
      return `ERR wrong number of arguments for '${name}' command`;
    const { user } = this.#session;
    if (command.open) return undefined;
    if (!user) return "NOAUTH Authentication required.";
    const fullName = name === "client" ? `${name}|${request[1]?.toString("latin1").toLowerCase()}` : name;
    if (!user.mayRun(fullName)) return `NOPERM this user has no permissions to run the '${fullName}' command`;
    if (!this.#keysOf(command, request).every((key) => user.mayReach(keyOf(key))))
      return "NOPERM this user has no permissions to access one of the keys used as arguments";
    return undefined;
  }

  #keysOf(command: Command, request: Request): readonly Buffer[] {
    return command.keys?.(request) ?? [];
  }
}

/** Redis quotes the words it got, up to 128 characters of them. */
function unknownCommand([name, ...words]: Request): string {
  let quoted = "";
  for (const word of words) {
    if (quoted.length >= 128) break;
    quoted += `'${word.toString("latin1").slice(0, 128 - quoted.length)}' `;
  }
  return `ERR unknown command '${name?.toString("latin1").slice(0, 128)}', with args beginning with: ${quoted}`;
}
