/**
 * Sending to Kafka as OpenWhisk does: no keys, no headers, no compression, one partition. One request is under way at a
 * time, and what comes meanwhile goes with the next one, so that order is kept and batches grow with the load. A batch
 * stays under the largest message that topics take (openwhisk-protocol, 2.8.6).
 *
 * Fencing: a sender that locks out its predecessors is a transactional producer. Its transaction is kept open and
 * renewed now and then; its end means nothing to OpenWhisk's consumers, which read uncommitted records, and it adds no
 * latency. What counts is that opening one makes the broker refuse every producer that had the same transactional id
 * before, whatever it has in its buffers.
 */
import { GenericError, ProduceAcks, type Producer } from "@platformatic/kafka";
import type { BusMessage, Sender } from "./port.js";
import { MAX_MESSAGE_BYTES } from "./topics.js";

/** Below the largest message of a topic, with the room that a batch needs for itself. */
const MAX_BATCH_BYTES = 900_000;
/** A third of the time after which the broker would end the transaction, and lock this producer out. */
const RENEW_MS = 10_000;
export const TRANSACTION_TIMEOUT_MS = 30_000;

interface Transaction {
  send(options: { messages: { topic: string; value: Buffer; partition: number }[] }): Promise<unknown>;
  commit(): Promise<void>;
}

type Send = (messages: readonly BusMessage[]) => Promise<unknown>;

interface Job {
  readonly messages: readonly BusMessage[];
  readonly settle: (error?: Error) => void;
}

/** One request at a time; those that wait are sent together. */
class Batches {
  readonly #send: Send;
  readonly #oneByOne: boolean;
  #jobs: Job[] = [];
  #running: Promise<void> | undefined;

  /** `oneByOne`: when a batch fails, its parts are tried alone, for one of them may be too large. */
  constructor(send: Send, oneByOne: boolean) {
    this.#send = send;
    this.#oneByOne = oneByOne;
  }

  add(messages: readonly BusMessage[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ messages, settle: (error) => (error ? reject(error) : resolve()) });
      this.#running ??= this.#run();
    });
  }

  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    await Promise.resolve();
    for (let job = this.#jobs.shift(); job; job = this.#jobs.shift()) {
      const batch = [job];
      let bytes = sizeOf(job);
      for (let next = this.#jobs[0]; next && bytes + sizeOf(next) <= MAX_BATCH_BYTES; next = this.#jobs[0]) {
        bytes += sizeOf(next);
        batch.push(next);
        this.#jobs.shift();
      }
      await this.#sendBatch(batch);
    }
    this.#running = undefined;
  }

  async #sendBatch(batch: readonly Job[]): Promise<void> {
    try {
      await this.#send(batch.flatMap(({ messages }) => messages));
      for (const { settle } of batch) settle();
    } catch (error) {
      if (this.#oneByOne && batch.length > 1) for (const single of batch) await this.#sendBatch([single]);
      else for (const { settle } of batch) settle(error as Error);
    }
  }
}

const sizeOf = ({ messages }: Job) => messages.reduce((sum, { value }) => sum + value.length + 64, 0);

export class KafkaSender implements Sender {
  readonly #producer: Producer;
  readonly #batches = new Batches((messages) => this.#produce(messages), true);

  constructor(producer: Producer) {
    this.#producer = producer;
  }

  async send(messages: readonly BusMessage[]): Promise<void> {
    await Promise.all(messages.map((message) => this.#sendOne(message)));
  }

  async close(): Promise<void> {
    await this.#batches.idle();
    await this.#producer.close(true);
  }

  async #sendOne(message: BusMessage): Promise<void> {
    const { topic, value, small } = message;
    if (small && value.length > MAX_MESSAGE_BYTES) return this.#batches.add([{ topic, value: small }]);
    try {
      await this.#batches.add([message]);
    } catch (error) {
      if (!small || !isTooLarge(error)) throw error;
      await this.#batches.add([{ topic, value: small }]);
    }
  }

  #produce(messages: readonly BusMessage[]) {
    return this.#producer.send({ messages: messages.map(toRecord), acks: ProduceAcks.ALL });
  }
}

export class FencedKafkaSender implements Sender {
  readonly #producer: Producer;
  /** After a failure it is not known what stands in the topic: a sender must look before it sends again. */
  readonly #batches = new Batches((messages) => this.#produce(messages), false);
  #transaction: Transaction;
  #openedMs = 0;
  #used = false;
  #closed = false;
  readonly #renewal: NodeJS.Timeout;

  private constructor(producer: Producer, transaction: Transaction) {
    this.#producer = producer;
    this.#transaction = transaction;
    this.#openedMs = performance.now();
    this.#renewal = setInterval(() => {
      // An empty batch makes the renewal due without a record to send. If it fails, the next one tries again, and with
      // records fails loudly.
      if (this.#used) this.#batches.add([]).catch(() => undefined);
    }, RENEW_MS / 2).unref();
  }

  /** Locks out its predecessors before it resolves. */
  static async open(producer: Producer): Promise<FencedKafkaSender> {
    // -1: the replica that had the id before is to be locked out; the client's own default would ask to go on as
    // producer 0.
    return new FencedKafkaSender(producer, await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 }));
  }

  async send(messages: readonly BusMessage[]): Promise<void> {
    if (messages.length === 0) return;
    if (this.#closed) throw new Error("The sender has been closed.");
    await this.#batches.add(messages);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#renewal);
    await this.#batches.idle();
    if (this.#used) await this.#transaction.commit();
    await this.#producer.close(true);
  }

  async #produce(messages: readonly BusMessage[]): Promise<void> {
    if (this.#used && performance.now() - this.#openedMs > RENEW_MS) await this.#renew();
    if (messages.length === 0) return;
    this.#used = true;
    await this.#transaction.send({ messages: messages.map(toRecord) });
  }

  async #renew(): Promise<void> {
    await this.#transaction.commit();
    this.#transaction = await this.#producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
    this.#openedMs = performance.now();
    this.#used = false;
  }
}

const toRecord = ({ topic, value }: BusMessage) => ({ topic, value, partition: 0 });

function isTooLarge(error: unknown): boolean {
  return GenericError.isGenericError(error as Error) && Boolean((error as GenericError).findBy("apiId", "MESSAGE_TOO_LARGE"));
}
