/** Names and settings of the topics, as controllers and invokers would make them (openwhisk-protocol, 1.1). */

/** Largest message of an activation or an acknowledgement: a payload of 1 MiB and what is around it. */
export const MAX_MESSAGE_BYTES = 1_048_576 + 6_068;

export interface TopicNames {
  /** The controllers' side: the virtual invoker reads `invoker0`, pings `health`, acknowledges to `completed<controller>`. */
  readonly virtualInvoker: string;
  readonly health: string;
  readonly completed: (controller: string) => string;
  /** The invokers' side, behind their prefix. */
  readonly realInvoker: (id: number) => string;
  readonly realHealth: string;
  readonly realCompleted: (controller: string) => string;
}

export const VIRTUAL_ID = 0;

export function topicNames({ controllerPrefix, invokerPrefix }: { controllerPrefix: string; invokerPrefix: string }): TopicNames {
  return {
    virtualInvoker: `${controllerPrefix}invoker${VIRTUAL_ID}`,
    health: `${controllerPrefix}health`,
    completed: (controller) => `${controllerPrefix}completed${controller}`,
    realInvoker: (id) => `${invokerPrefix}invoker${id}`,
    realHealth: `${invokerPrefix}health`,
    realCompleted: (controller) => `${invokerPrefix}completed${controller}`,
  };
}

export type TopicKind = "invoker" | "completed" | "health";

const HOUR_MS = 3_600_000;
const SEGMENT = { "segment.bytes": "536870912", "retention.bytes": "1073741824" };
const LARGE = { ...SEGMENT, "max.message.bytes": String(MAX_MESSAGE_BYTES) };

export const TOPIC_SETTINGS: Readonly<Record<TopicKind, Readonly<Record<string, string>>>> = {
  invoker: { ...LARGE, "retention.ms": String(48 * HOUR_MS) },
  completed: { ...LARGE, "retention.ms": String(HOUR_MS) },
  health: { ...SEGMENT, "retention.ms": String(HOUR_MS) },
};

/** What comes after the prefix, where the rest of a topic's name starts with `word`: `completed1` -> `1`. */
export function idsOf(topics: readonly string[], prefix: string, word: string): string[] {
  const start = `${prefix}${word}`;
  return topics.filter((topic) => topic.startsWith(start) && topic.length > start.length).map((topic) => topic.slice(start.length));
}

/** Topics that only the FPC scheduler has (openwhisk-protocol, 9). */
export function schedulerTopics(topics: readonly string[], controllerPrefix: string): string[] {
  return topics.filter(
    (topic) => /^(scheduler|creationAck)\d+$/.test(topic.slice(controllerPrefix.length)) && topic.startsWith(controllerPrefix),
  );
}
