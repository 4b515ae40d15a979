/**
 * Sessions that wait for a list or a stream. The first that came is served first; what the serving itself changes
 * (BLMOVE's target) is served in the same go.
 */
import type { Reply } from "../resp/reply.js";
import type { Waiting } from "./command.js";
import type { Engine } from "./engine.js";
import type { Session } from "./session.js";

/** Longest delay of a timer of Node.js: 24.8 days. */
const MAX_TIMER_MS = 2 ** 31 - 1;

interface Ticket {
  readonly waiting: Waiting;
  readonly session: Session;
  readonly done: (reply: Reply) => void;
  timer?: NodeJS.Timeout;
}

export class WaitingRoom {
  readonly #engine: Engine;
  readonly #byKey = new Map<string, Set<Ticket>>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * `done` is called once, with the answer or with that of the time-out, unless the returned function is called before.
   */
  enter(waiting: Waiting, session: Session, done: (reply: Reply) => void): () => void {
    const ticket: Ticket = { waiting, session, done };
    this.#engine.waitingSessions++;
    for (const key of waiting.keys) {
      const queue = this.#byKey.get(key) ?? new Set();
      this.#byKey.set(key, queue.add(ticket));
    }
    if (waiting.timeoutMs > 0)
      ticket.timer = setTimeout(() => this.#end(ticket, waiting.timedOut), Math.min(waiting.timeoutMs, MAX_TIMER_MS));
    return () => this.#leave(ticket);
  }

  serve(): void {
    for (let keys = this.#engine.takeChangedKeys(); keys.length > 0; keys = this.#engine.takeChangedKeys())
      for (const key of keys) for (const ticket of [...(this.#byKey.get(key) ?? [])]) this.#serveOne(ticket, key);
  }

  #serveOne(ticket: Ticket, key: string): void {
    const reply = this.#engine.attempt(ticket.waiting, key, ticket.session);
    if (reply !== undefined) this.#end(ticket, reply);
  }

  #end(ticket: Ticket, reply: Reply): void {
    this.#leave(ticket);
    ticket.done(reply);
  }

  #leave(ticket: Ticket): void {
    clearTimeout(ticket.timer);
    this.#engine.waitingSessions--;
    for (const key of ticket.waiting.keys) {
      const queue = this.#byKey.get(key);
      queue?.delete(ticket);
      if (queue?.size === 0) this.#byKey.delete(key);
    }
  }
}
