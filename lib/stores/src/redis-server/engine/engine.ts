/**
 * Runs requests against the keys, one after another.
 *
 * engine.E1  Every change is in the effects before its answer is given out, and effects stand in the order of the
 *     changes.
 * engine.E2  The effects of one EXEC stand between MULTI and EXEC when there is more than one, so that a replay has all
 *     or none.
 */
import { hashCommands } from "../commands/hashes.js";
import { keyCommands } from "../commands/keys.js";
import { listCommands } from "../commands/lists.js";
import { sessionCommands } from "../commands/session.js";
import { streamCommands } from "../commands/streams.js";
import { stringCommands } from "../commands/strings.js";
import { CommandError, ErrorReply, encodeRequest, type Reply } from "../resp/reply.js";
import { type Command, type Context, type Request, Waiting } from "./command.js";
import { Keyspace } from "./keyspace.js";
import type { Session } from "./session.js";
import { bytesOf } from "./values.js";

export interface EngineOptions {
  readonly nowMs: () => number;
  readonly shutDown: () => void;
}

export class Engine {
  readonly keyspace: Keyspace;
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #nowMs: () => number;
  /** Kept by the waiting room, shown by INFO. */
  waitingSessions = 0;
  #effects: Buffer[] = [];
  #changedKeys = new Set<string>();

  constructor({ nowMs, shutDown }: EngineOptions) {
    this.#nowMs = nowMs;
    this.keyspace = new Keyspace({ nowMs, onExpired: (key) => this.#record(["DEL", bytesOf(key)]) });
    const tables = [
      stringCommands,
      keyCommands,
      hashCommands,
      listCommands,
      streamCommands,
      sessionCommands(shutDown, () => this.waitingSessions),
    ];
    this.#commands = new Map(tables.flatMap((table) => Object.entries(table)));
  }

  /** `name` is lower case. */
  command(name: string): Command | undefined {
    return this.#commands.get(name);
  }

  run(command: Command, request: Request, session: Session): Reply | Waiting {
    return this.#guarded(() => command.run(request, this.#contextOf(session)));
  }

  /**
   * All of a transaction; a command that would wait says at once that there is nothing (redis.io, "Blocking inside a
   * transaction").
   */
  runAll(queued: readonly { command: Command; request: Request }[], session: Session): Reply[] {
    const before = this.#effects.length;
    const replies = queued.map(({ command, request }) => {
      const reply = this.run(command, request, session);
      return reply instanceof Waiting ? reply.inTransaction : reply;
    });
    if (this.#effects.length - before > 1) {
      this.#effects.splice(before, 0, encodeRequest(["MULTI"]));
      this.#record(["EXEC"]);
    }
    return replies;
  }

  /** Tries for a waiting session; undefined when there is still nothing for it. */
  attempt(waiting: Waiting, key: string, session: Session): Reply | undefined {
    if (this.keyspace.get(key)?.type !== waiting.type) return undefined;
    return this.#guarded(() => waiting.attempt(key, this.#contextOf(session)));
  }

  /** What has changed since the last call, for the append-only file. */
  takeEffects(): Buffer[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** Keys that sessions may have waited for. */
  takeChangedKeys(): readonly string[] {
    if (this.#changedKeys.size === 0) return [];
    const keys = [...this.#changedKeys];
    this.#changedKeys.clear();
    return keys;
  }

  #contextOf(session: Session): Context {
    return {
      keyspace: this.keyspace,
      session,
      nowMs: this.#nowMs(),
      effect: (...request) => this.#record(request),
      changed: (key) => this.#changedKeys.add(key),
    };
  }

  #record(request: readonly (Buffer | string | number)[]): void {
    if (!this.keyspace.replaying) this.#effects.push(encodeRequest(request));
  }

  #guarded<T>(work: () => T): T | ErrorReply {
    try {
      return work();
    } catch (error) {
      if (error instanceof CommandError) return new ErrorReply(error.message);
      throw error;
    }
  }
}
