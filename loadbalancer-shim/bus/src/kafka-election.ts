/**
 * Which replica is in charge: the member of the virtual invoker's consumer group that is given its partition. Stock
 * invokers use the same group (openwhisk-protocol, 2.8.12), so the offsets are where the way back out expects them. The
 * member that has the partition says so in its subscription, and the assignment leaves it there: a replica that comes
 * does not take the charge from one that is well.
 */
import type { Admin, Consumer, GroupPartitionsAssigner } from "@platformatic/kafka";
import type { Election } from "./port.js";

const IN_CHARGE = Buffer.from("in charge");

export class KafkaElection implements Election {
  readonly #consumer: Consumer;
  readonly #admin: Admin;
  readonly #topic: string;
  readonly #protocol = { name: "roundrobin", version: 1, metadata: Buffer.alloc(0) };
  #charge: AbortController | undefined;
  #left = false;
  #waiting: (() => void)[] = [];

  constructor(consumer: Consumer, admin: Admin, topic: string) {
    this.#consumer = consumer;
    this.#admin = admin;
    this.#topic = topic;
    consumer.on("consumer:group:join", ({ assignments }) => this.#onAssigned(assignments?.some((a) => a.topic === topic) ?? false));
  }

  async join(sessionTimeoutMs: number): Promise<void> {
    this.#consumer.topics.track(this.#topic);
    await this.#consumer.joinGroup({
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.ceil(sessionTimeoutMs / 4),
      rebalanceTimeout: sessionTimeoutMs,
      protocols: [this.#protocol],
    });
  }

  async won(): Promise<AbortSignal | undefined> {
    while (!this.#charge && !this.#left) await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    return this.#charge?.signal;
  }

  async commit(offset: bigint): Promise<void> {
    if (this.#charge) await this.#consumer.commit({ offsets: [{ topic: this.#topic, partition: 0, offset, leaderEpoch: -1 }] });
  }

  async members(): Promise<number> {
    const groups = await this.#admin.describeGroups({ groups: [this.#consumer.groupId] });
    return groups.get(this.#consumer.groupId)?.members.size ?? 0;
  }

  async leave(): Promise<void> {
    if (this.#left) return;
    this.#left = true;
    this.#onAssigned(false);
    await this.#consumer.leaveGroup(true);
  }

  #onAssigned(mine: boolean): void {
    const isMine = mine && !this.#left;
    this.#protocol.metadata = isMine ? IN_CHARGE : Buffer.alloc(0);
    if (isMine) this.#charge ??= new AbortController();
    else {
      this.#charge?.abort();
      this.#charge = undefined;
    }
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** All to the one that has it already, else to the first. */
export const keepInCharge: GroupPartitionsAssigner = (_current, members, topics) => {
  const all = [...members.values()];
  const holder = all.find(({ metadata }) => Buffer.isBuffer(metadata) && metadata.equals(IN_CHARGE)) ?? all[0];
  return all.map(({ memberId }) => ({
    memberId,
    assignments: new Map(memberId === holder?.memberId ? [...topics].map((topic) => [topic, { topic, partitions: [0] }]) : []),
  }));
};
