/**
 * The bus on Kafka, with @platformatic/kafka (1.35; Node.js 20.19 or newer; brokers from 3.1 on, as its requests name
 * topics by id; tried with 3.9.1).
 */
import { HarvestError, messageOf } from "@openwhisk-harvest/core";
import {
  Admin,
  type BaseOptions,
  Consumer,
  FetchIsolationLevels,
  GenericError,
  IS_CONTROL,
  ListOffsetTimestamps,
  Producer,
  type RecordsBatch,
} from "@platformatic/kafka";
import { KafkaElection, keepInCharge } from "./kafka-election.js";
import { FencedKafkaSender, KafkaSender, TRANSACTION_TIMEOUT_MS } from "./kafka-sender.js";
import type { Bus, BusRecord, OnRecords, Sender } from "./port.js";

/**
 * How long the broker keeps a read open that finds nothing; OpenWhisk's own consumers have it so (openwhisk-protocol,
 * 1.1).
 */
const FETCH_WAIT_MS = 500;
const FETCH_BYTES = 4 * 1_048_576;
const NO_EPOCH = -1;
/**
 * Uncommitted, as invokers and controllers read: what the end of a transaction says does not matter here
 * (kafka-sender.ts).
 */
const READ = {
  minBytes: 1,
  maxBytes: FETCH_BYTES,
  maxWaitTime: FETCH_WAIT_MS,
  isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED,
};

export class KafkaBus implements Bus {
  readonly #options: BaseOptions;
  readonly #admin: Admin;
  #closing: Promise<void> | undefined;
  readonly #open = new Set<{ close(force: boolean): Promise<void> }>();

  constructor(brokers: string) {
    this.#options = {
      clientId: "openwhisk-harvest",
      bootstrapBrokers: brokers.split(",").map((broker) => broker.trim()),
      timeout: 5_000,
      retries: 5,
      retryDelay: 200,
      autocreateTopics: false,
    };
    this.#admin = new Admin({ ...this.#options });
  }

  topics(): Promise<string[]> {
    return this.#asked("list the topics", () => this.#admin.listTopics());
  }

  async createTopic(name: string, settings: Readonly<Record<string, string>>): Promise<void> {
    const configs = Object.entries(settings).map(([key, value]) => ({ name: key, value }));
    try {
      await this.#admin.createTopics({ topics: [name], partitions: 1, replicas: 1, configs });
    } catch (error) {
      if (!isCode(error, "TOPIC_ALREADY_EXISTS")) throw unavailable(`create the topic ${name}`, error);
    }
  }

  bounds(topics: readonly string[]) {
    return this.#asked("list offsets", async () => {
      const at = async (timestamp: bigint) => {
        const listed = await this.#admin.listOffsets({
          topics: topics.map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp }] })),
          // Otherwise the end would be where the oldest open transaction begins.
          isolationLevel: FetchIsolationLevels.READ_UNCOMMITTED,
        });
        return new Map(listed.map(({ name, partitions }) => [name, partitions[0]?.offset ?? 0n]));
      };
      if (topics.length === 0) return new Map<string, { start: bigint; end: bigint }>();
      const [starts, ends] = await Promise.all([at(ListOffsetTimestamps.EARLIEST), at(ListOffsetTimestamps.LATEST)]);
      return new Map(topics.map((topic) => [topic, { start: starts.get(topic) ?? 0n, end: ends.get(topic) ?? 0n }]));
    });
  }

  committed(group: string): Promise<Map<string, bigint>> {
    return this.#asked("list committed offsets", async () => {
      const groups = await this.#admin.listConsumerGroupOffsets({ groups: [group] });
      const offsets = new Map<string, bigint>();
      for (const { name, partitions } of groups[0]?.topics ?? [])
        for (const { committedOffset } of partitions) if (committedOffset >= 0n) offsets.set(name, committedOffset);
      return offsets;
    });
  }

  async commit(group: string, offsets: ReadonlyMap<string, bigint>): Promise<void> {
    const topics = [...offsets].map(([name, offset]) => ({ name, partitionOffsets: [{ partition: 0, offset }] }));
    await this.#asked("commit offsets", () => this.#admin.alterConsumerGroupOffsets({ groupId: group, topics }));
  }

  async read(topic: string, from: bigint, onRecords: OnRecords, signal: AbortSignal): Promise<void> {
    const consumer = new Consumer({ ...this.#options, groupId: "openwhisk-harvest-reader", timeout: 30_000 });
    this.#open.add(consumer);
    consumer.topics.track(topic);
    try {
      for (let next = from; !signal.aborted; ) {
        const read = await this.#fetch(consumer, topic, next);
        if (signal.aborted) break;
        if (read.next === next) continue;
        next = read.next;
        await onRecords(read.records, next);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#open.delete(consumer);
      await consumer.close(true);
    }
  }

  sender(): Sender {
    return new KafkaSender(this.#kept(new Producer({ ...this.#options })));
  }

  fencedSender(name: string): Promise<Sender> {
    const options = { ...this.#options, timeout: TRANSACTION_TIMEOUT_MS, retries: 20, idempotent: true, transactionalId: name };
    return this.#asked("open a transaction", () => FencedKafkaSender.open(this.#kept(new Producer(options))));
  }

  election(group: string, topic: string, sessionTimeoutMs: number) {
    return this.#asked("join the group", async () => {
      const consumer = this.#kept(new Consumer({ ...this.#options, groupId: group, partitionAssigner: keepInCharge }));
      const election = new KafkaElection(consumer, this.#admin, topic);
      await election.join(sessionTimeoutMs);
      return election;
    });
  }

  /** Once: the clients do not answer when they are closed again. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#open].map((client) => client.close(true)));
    await this.#admin.close();
  }

  #kept<C extends { close(force: boolean): Promise<void> }>(client: C): C {
    this.#open.add(client);
    return client;
  }

  async #fetch(consumer: Consumer, topic: string, from: bigint): Promise<{ records: BusRecord[]; next: bigint }> {
    const known = (await consumer.metadata({ topics: [topic] })).topics.get(topic);
    const node = known?.partitions[0]?.leader;
    if (!known || node === undefined) throw new HarvestError("OWH_STORE_UNAVAILABLE", `The topic ${topic} has no leader.`);
    const partition = {
      partition: 0,
      currentLeaderEpoch: NO_EPOCH,
      fetchOffset: from,
      lastFetchedEpoch: NO_EPOCH,
      partitionMaxBytes: FETCH_BYTES,
    };
    try {
      const topics = [{ topicId: known.id, partitions: [partition] }];
      const answer = await consumer.fetch({ node, ...READ, topics });
      return recordsOf(answer.responses[0]?.partitions[0]?.records ?? [], from);
    } catch (error) {
      if (!isCode(error, "OFFSET_OUT_OF_RANGE")) throw unavailable(`read the topic ${topic}`, error);
      // Older than what is kept: it goes on with what there is.
      const { start, end } = (await this.bounds([topic])).get(topic) ?? { start: 0n, end: 0n };
      return { records: [], next: from < start ? start : end };
    }
  }

  async #asked<T>(what: string, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      throw unavailable(what, error);
    }
  }
}

/** Batches may begin before the offset that was asked for, and hold control records, which are no messages. */
function recordsOf(batches: readonly RecordsBatch[], from: bigint): { records: BusRecord[]; next: bigint } {
  const records: BusRecord[] = [];
  let next = from;
  for (const { firstOffset, lastOffsetDelta, firstTimestamp, attributes, records: inBatch } of batches) {
    next = firstOffset + BigInt(lastOffsetDelta) + 1n;
    if (attributes & IS_CONTROL) continue;
    for (const { offsetDelta, timestampDelta, value } of inBatch) {
      const offset = firstOffset + BigInt(offsetDelta);
      if (offset < from || !value) continue;
      // A copy: the record must not keep the whole answer of 4 MB in memory.
      records.push({ offset, timestampMs: Number(firstTimestamp + timestampDelta), value: Buffer.from(value) });
    }
  }
  return { records, next };
}

function isCode(error: unknown, apiId: string): boolean {
  return GenericError.isGenericError(error as Error) && Boolean((error as GenericError).findBy("apiId", apiId));
}

function unavailable(what: string, cause: unknown): HarvestError {
  return new HarvestError("OWH_STORE_UNAVAILABLE", `Kafka did not ${what}: ${messageOf(cause)}`, { cause });
}
