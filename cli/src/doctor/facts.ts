/** What the doctor knows of a cluster; every part may be missing, and then is not judged. */

/** The environment of one controller or invoker, as its container was started with. */
export interface ServiceEnvironment {
  /** The file that it was read from, for people. */
  readonly name: string;
  readonly settings: Readonly<Record<string, string>>;
}

/** A question to the cluster: its answer, or why there is none. */
export type Answer<T> = { readonly value: T } | { readonly failure: string };

export interface About {
  readonly limits?: Readonly<Record<string, unknown>>;
  /** By family. */
  readonly runtimes?: Readonly<Record<string, readonly { readonly kind?: unknown }[]>>;
}

export interface NodeAgentFacts {
  readonly address: string;
  readonly health: Answer<unknown>;
}

export interface ClusterFacts {
  /** `GET /` of the controller. */
  readonly about?: Answer<About>;
  /** Namespaces of the given key. */
  readonly namespaces?: Answer<readonly string[]>;
  /** `GET /namespaces/_/limits` with the given key. */
  readonly limits?: Answer<unknown>;
  /** Whether the package that waiting conductors invoke is there. */
  readonly echo?: Answer<boolean>;
  readonly topics?: Answer<readonly string[]>;
  readonly topicPrefix: string;
  readonly nodeAgents: readonly NodeAgentFacts[];
  readonly controllers: readonly ServiceEnvironment[];
  readonly invokers: readonly ServiceEnvironment[];
}

/** good: as it should be. note: works, but look. bad: something of ours will not work until it is changed. */
export type Level = "good" | "note" | "bad";

export interface Finding {
  readonly check: string;
  readonly level: Level;
  readonly found: string;
  /** What to change, when there is something. */
  readonly change?: string;
}
