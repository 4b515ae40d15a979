/** Works out what a run may have: asks Redis once and lets terms.ts judge. Whatever goes wrong on the way is the user allocation (H3). */
import {
  type AllocationLookup,
  type AllocationStore,
  type Clock,
  type Grid,
  isSignedFor,
  type Logger,
  messageOf,
  type RunKey,
  type SigningKey,
} from "@openwhisk-harvest/core";
import { type NodeRoom, type RunTerms, type TermsRequest, termsOf, userTermsOf } from "./terms.js";
import { UsedKeys } from "./used-keys.js";

export interface TermsResolverOptions {
  readonly allocations: Pick<AllocationStore, "lookup">;
  readonly grid: Grid;
  /** How long allocations stay in Redis: so long a run key is remembered as used. */
  readonly allocationTtlMs: number;
  /** Only what is signed with it is believed; all is when absent. */
  readonly signing?: SigningKey;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface Circumstances {
  /** Asked for when Redis has answered. */
  readonly room: () => NodeRoom;
  /** A party that is trusted names the key: then several activations may share it, as the elements of a sequence do. */
  readonly isVouched?: boolean;
  /** False when the run has not waited for Redis: then nothing is applied to it. */
  readonly isWanted?: () => boolean;
}

export class TermsResolver {
  readonly #options: TermsResolverOptions;
  readonly #used: UsedKeys;

  constructor(options: TermsResolverOptions) {
    this.#options = options;
    this.#used = new UsedKeys(options.allocationTtlMs, options.clock);
  }

  /** Redis is not asked for a run without a key, or of an unknown namespace. Never rejects for what Redis does. */
  async resolve(asked: TermsRequest, { room, isVouched = false, isWanted = () => true }: Circumstances): Promise<RunTerms> {
    const { clock, grid, signing, logger } = this.#options;
    const lookup = asked.key && asked.namespace !== undefined ? await this.#lookUp(asked.key) : undefined;
    const request = { ...asked, nowMs: clock.nowMs(), ...(lookup && isWanted() && { lookup }) };
    const terms = termsOf(request, room(), grid, signing);
    if (!terms.allocation || !terms.harvest || isVouched || this.#used.use(terms.harvest.k)) return terms;
    logger.warn({ root: asked.key?.root }, "A run key was shown a second time; the user allocation is used.");
    return userTermsOf(terms);
  }

  async #lookUp(key: RunKey): Promise<AllocationLookup | undefined> {
    const { allocations, signing, logger } = this.#options;
    const { root } = key;
    try {
      const found = await allocations.lookup(key);
      if (found.allocation && signing && !isSignedFor(signing, key, found.allocation))
        logger.warn({ root }, "An allocation bears no signature of ours; the user allocation is used.");
      return found;
    } catch (error) {
      logger.warn({ root, error: messageOf(error) }, "An allocation cannot be looked up; the user allocation is used.");
      return undefined;
    }
  }
}
