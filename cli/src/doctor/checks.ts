/** Judges what is known of a cluster. Pure: facts in, findings out. */
import { waitingLimits } from "@openwhisk-harvest/composer-plugin/waiting-limits";
import { checkControllers, checkInvokers, checkPrefixes } from "./checks-environment.js";
import type { About, Answer, ClusterFacts, Finding, NodeAgentFacts } from "./facts.js";

/** A stage of 8 branches every second is 480 a minute; the default of 60 stops the first small experiment. */
const LEAST_INVOCATIONS_PER_MINUTE = 600;
/** OpenWhisk's default of 30 holds three stages of eight branches with their conductors. */
const LEAST_CONCURRENT = 30;
/** Half of what a composition may step; a loop of parallel stages needs some. */
const LEAST_SEQUENCE_LENGTH = 50;
const AGENT_FAMILIES = ["nodejs", "python"];

export function examine(facts: ClusterFacts): Finding[] {
  const { about, namespaces, limits, echo, topics, topicPrefix, nodeAgents, controllers, invokers } = facts;
  return [
    ...judged("controller", about, checkAbout),
    ...judged("key", namespaces, (names) => [{ check: "key", level: "good", found: `of ${names.join(", ") || "no namespace"}` }]),
    ...judged("waits of conductors", limits, checkWaits),
    ...judged("whisk.system packages", echo, checkEcho),
    ...judged("Kafka", topics, (names) => checkTopics(names, topicPrefix)),
    ...checkControllers(controllers),
    ...checkInvokers(invokers),
    ...checkPrefixes(controllers, invokers),
    ...nodeAgents.map(checkNodeAgent),
  ];
}

function judged<T>(check: string, answer: Answer<T> | undefined, judge: (value: T) => Finding[]): Finding[] {
  if (!answer) return [];
  if ("failure" in answer) return [{ check, level: "bad", found: answer.failure, change: "Correct the address or the key, or start it." }];
  return judge(answer.value);
}

function checkAbout({ limits = {}, runtimes = {} }: About): Finding[] {
  const kinds = Object.values(runtimes).flatMap((family) => family.map(({ kind }) => String(kind)));
  const served = kinds.filter((kind) => AGENT_FAMILIES.some((family) => kind.startsWith(`${family}:`)));
  return [
    served.length > 0
      ? { check: "runtimes", level: "good", found: `with an agent: ${served.join(", ")}` }
      : {
          check: "runtimes",
          level: "bad",
          found: "neither nodejs nor python is offered",
          change: "Conductors need nodejs: offer it in the manifest.",
        },
    atLeast("invocations per minute", limits["actions_per_minute"], LEAST_INVOCATIONS_PER_MINUTE, "LIMITS_ACTIONS_INVOKES_PERMINUTE"),
    atLeast("concurrent invocations", limits["concurrent_actions"], LEAST_CONCURRENT, "LIMITS_ACTIONS_INVOKES_CONCURRENT"),
    atLeast("sequence length", limits["sequence_length"], LEAST_SEQUENCE_LENGTH, "LIMITS_ACTIONS_SEQUENCE_MAXLENGTH"),
    ...checkLogs(limits["max_action_logs"]),
  ];
}

/** Each branch of a parallel stage is an invocation that counts. */
function atLeast(check: string, value: unknown, least: number, setting: string): Finding {
  if (typeof value !== "number") return { check, level: "note", found: "not told by the controller" };
  if (value >= least) return { check, level: "good", found: String(value) };
  const change = `Each branch of a parallel stage counts: set ${setting} to ${least} or more on the controllers.`;
  return { check, level: "note", found: String(value), change };
}

/** Which way conductors will wait in that `harvest deploy` makes with this key; it probes the action itself. */
function checkWaits(answer: unknown): Finding[] {
  const check = "waits of conductors";
  const limits = waitingLimits(answer);
  if (typeof limits !== "string")
    return [{ check, level: "good", found: `in a waiting action, up to ${limits.concurrency} in a container` }];
  return [{ check, level: "good", found: `in turns, each in its conductor's container, unless the server joins: ${limits}` }];
}

function checkLogs(bytes: unknown): Finding[] {
  if (typeof bytes !== "number") return [];
  if (bytes > 0) return [{ check: "log limit", level: "good", found: `up to ${bytes / 2 ** 20} MB` }];
  return [{ check: "log limit", level: "bad", found: "0", change: "Without logs our line is lost: set CONFIG_whisk_logLimit_max." }];
}

function checkEcho(isThere: boolean): Finding[] {
  const check = "whisk.system packages";
  if (isThere) return [{ check, level: "good", found: "utils/echo is there" }];
  const change = "Conductors that wait for long branches invoke /whisk.system/utils/echo: install OpenWhisk's catalogue.";
  return [{ check, level: "bad", found: "utils/echo is missing", change }];
}

function checkTopics(topics: readonly string[], prefix: string): Finding[] {
  const named = (rest: RegExp) => topics.filter((topic) => topic.startsWith(prefix) && rest.test(topic.slice(prefix.length)));
  const [invokers, completed, schedulers] = [named(/^invoker\d+$/), named(/^completed/), named(/^scheduler\d+$/)];
  const check = "topics";
  if (schedulers.length > 0) {
    const change = "Decisions and agents work; the bus adapter needs the classic load balancer (docs/beside-your-cluster.md).";
    return [{ check, level: "note", found: `a cluster on the scheduler: ${schedulers.join(", ")}`, change }];
  }
  if (invokers.length === 0 || completed.length === 0) {
    const change = "Set doctor.topicPrefix to whisk.kafka.topics.prefix of the controllers.";
    return [{ check, level: "bad", found: `no topics of controllers and invokers with the prefix ${JSON.stringify(prefix)}`, change }];
  }
  return [{ check, level: "good", found: `${invokers.length} of invokers, ${completed.length} of controllers` }];
}

function checkNodeAgent({ address, health }: NodeAgentFacts): Finding {
  const check = `node agent ${address}`;
  if (!("failure" in health)) return { check, level: "good", found: "answers" };
  return { check, level: "bad", found: health.failure, change: "Start it there; until then that node's runs have the user allocation." };
}
