/** Parallel AES on a stack of its own, deployed and with models of it: what the end-to-end suites run on. */
import type { DagDescription } from "@openwhisk-harvest/core";
import { TestCouch } from "@openwhisk-harvest/testkit/couch";
import type { AppliedStack, Applier } from "./appliers.kit.js";
import { AES_JOB, type AesInputs, aesInputs } from "./stack.kit.js";

export interface AesStack {
  readonly up: AppliedStack;
  readonly dag: DagDescription;
  /** Where all documents are, when the stack was asked for with it. */
  readonly couchdb: TestCouch | undefined;
}

export interface AesStackOptions {
  readonly applier: Applier;
  readonly flags?: readonly string[];
  /** Leaves a model by which harvesting gains. */
  readonly train: (up: AppliedStack, dag: DagDescription) => Promise<void>;
  /** Sizes that the model knows. */
  readonly sizes: Pick<AesInputs, "minBytes" | "maxBytes">;
  /** True puts the documents into a CouchDB that can be stopped. */
  readonly withCouchdb?: boolean;
}

/** Suites may share one: the first that needs it starts it. */
export class SharedAesStack {
  readonly #options: AesStackOptions;
  #started: Promise<AesStack> | undefined;

  constructor(options: AesStackOptions) {
    this.#options = options;
  }

  get applier(): Applier {
    return this.#options.applier;
  }

  start(): Promise<AesStack> {
    this.#started ??= this.#start();
    return this.#started;
  }

  inputs(count: number, seed: number): Promise<Record<string, unknown>[]> {
    return aesInputs({ count, seed, ...this.#options.sizes });
  }

  async close(): Promise<void> {
    const { up, couchdb } = (await this.#started) ?? {};
    await up?.close();
    await couchdb?.stop();
  }

  async #start(): Promise<AesStack> {
    const { applier, flags = [], train, withCouchdb } = this.#options;
    const couchdb = withCouchdb ? await TestCouch.start() : undefined;
    try {
      const up = await applier.start([...flags, ...(couchdb ? [`couchdb.url=${couchdb.url}`] : [])]);
      try {
        const dag = await up.deploy(AES_JOB);
        await train(up, dag);
        return { up, dag, couchdb };
      } catch (error) {
        await up.close();
        throw error;
      }
    } catch (error) {
      await couchdb?.stop();
      throw error;
    }
  }
}
