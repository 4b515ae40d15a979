/**
 * What the shim needs of a message bus: Kafka's means, without Kafka's client. All topics have one partition
 * (openwhisk-protocol, 1.1).
 */
export interface BusRecord {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly value: Buffer;
}

export interface BusMessage {
  readonly topic: string;
  readonly value: Buffer;
  /** Sent in its place when the bus says that it is too large. */
  readonly small?: Buffer;
}

export interface Sender {
  /** Resolves when all of them stand in their topics, those of one topic in this order. */
  send(messages: readonly BusMessage[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * `next`: the offset after the last one looked at; there may be fewer records than offsets. The next read waits for the
 * promise.
 */
export type OnRecords = (records: readonly BusRecord[], next: bigint) => void | Promise<void>;

/** Membership of the group of the virtual invoker's topic: the member that is given its partition is in charge. */
export interface Election {
  /** Resolves with a signal that is aborted when the charge is lost; undefined when left before. */
  won(): Promise<AbortSignal | undefined>;
  /** For operators that look at the group: how far the topic has been dealt with. */
  commit(offset: bigint): Promise<void>;
  /** How many replicas there are. */
  members(): Promise<number>;
  /** Gives the charge to another at once. */
  leave(): Promise<void>;
}

export interface Bus {
  topics(): Promise<string[]>;
  /** Creates it with one partition; one that is there stays as it is. */
  createTopic(name: string, settings: Readonly<Record<string, string>>): Promise<void>;
  /** First and next offset of each topic. */
  bounds(topics: readonly string[]): Promise<Map<string, { readonly start: bigint; readonly end: bigint }>>;
  /** Committed offsets of a group, by topic. */
  committed(group: string): Promise<Map<string, bigint>>;
  /** Commits at once for a group that has no members. */
  commit(group: string, offsets: ReadonlyMap<string, bigint>): Promise<void>;
  /** Reads until the signal is aborted; rejects when the topic cannot be read any more. */
  read(topic: string, from: bigint, onRecords: OnRecords, signal: AbortSignal): Promise<void>;
  sender(): Sender;
  /** A sender that, once this has resolved, locks out every earlier one of the same name for ever. */
  fencedSender(name: string): Promise<Sender>;
  election(group: string, topic: string, sessionTimeoutMs: number): Promise<Election>;
  close(): Promise<void>;
}
