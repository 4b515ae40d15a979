/** Work that must have succeeded once before anything else: concurrent callers share one attempt, a failed attempt is made anew. */
export class Ensured {
  readonly #work: () => Promise<void>;
  #attempt: Promise<void> | undefined;

  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  async once(): Promise<void> {
    this.#attempt ??= this.#work().catch((error: unknown) => {
      this.#attempt = undefined;
      throw error;
    });
    await this.#attempt;
  }
}
