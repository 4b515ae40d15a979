/**
 * Which requests a server that closes still admits. Actions that run may need others to come to their end, and
 * composer's conductors need their branches, so a request with the transaction id of a running activation is admitted
 * until all have ended.
 */
export class Draining {
  readonly #running = new Map<string, number>();
  #closing = false;

  /** An activation of that transaction runs, until the returned function is called. */
  enter(transactionId: string): () => void {
    this.#running.set(transactionId, (this.#running.get(transactionId) ?? 0) + 1);
    return () => {
      const left = (this.#running.get(transactionId) ?? 1) - 1;
      if (left > 0) this.#running.set(transactionId, left);
      else this.#running.delete(transactionId);
    };
  }

  /** From now on only requests of running activations are admitted. */
  begin(): void {
    this.#closing = true;
  }

  admits(transactionId: string): boolean {
    return !this.#closing || this.#running.has(transactionId);
  }
}
