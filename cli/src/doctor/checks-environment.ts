/**
 * What the environments of controllers and invokers say. Names and defaults are OpenWhisk's (reference.conf, application.conf,
 * ContainerFactory.scala, transformEnvironment.sh; openwhisk-protocol, 0 to 2 and 5).
 */
import type { Finding, ServiceEnvironment } from "./facts.js";

const SPI = "CONFIG_whisk_spi_";
const CLASSIC_BALANCER = "org.apache.openwhisk.core.loadBalancer.ShardingContainerPoolBalancer";
const CLASSIC_INVOKER = "org.apache.openwhisk.core.invoker.InvokerReactive";
const FILE_LOGS = "org.apache.openwhisk.core.containerpool.logging.DockerToActivationLogStoreProvider";
const PREFIX = "CONFIG_whisk_kafka_topics_prefix";
const EVENT_PREFIX = "CONFIG_whisk_kafka_topics_userEvent_prefix";
const USER_CPUS = "CONFIG_whisk_containerPool_userCpus";
const ARGS = "CONFIG_whisk_containerFactory_containerArgs_";

/** Empty values are as good as absent (transformEnvironment.sh). */
const settingOf = ({ settings }: ServiceEnvironment, name: string): string | undefined => settings[name] || undefined;

export function checkControllers(controllers: readonly ServiceEnvironment[]): Finding[] {
  return [...controllers.map(loadBalancerOf), ...samePrefix("controllers", controllers, PREFIX), ...controllers.flatMap(eventPrefixOf)];
}

export function checkInvokers(invokers: readonly ServiceEnvironment[]): Finding[] {
  return [
    ...invokers.flatMap((invoker) => [invokerKindOf(invoker), cpuCapOf(invoker), ...agentsOf(invoker), logStoreOf(invoker)]),
    ...invokers.flatMap(logLimitOf),
    ...invokers.flatMap(concurrencyOf),
    ...samePrefix("invokers", invokers, PREFIX),
  ];
}

/** Where invokers have a prefix of their own, something must stand between: the bus adapter. */
export function checkPrefixes(controllers: readonly ServiceEnvironment[], invokers: readonly ServiceEnvironment[]): Finding[] {
  const [controller, invoker] = [controllers[0], invokers[0]];
  if (!controller || !invoker) return [];
  const [outer, inner] = [settingOf(controller, PREFIX) ?? "", settingOf(invoker, PREFIX) ?? ""];
  const check = "topic prefixes";
  if (outer === inner)
    return [{ check, level: "good", found: "controllers and invokers use the same topics: no bus adapter is in between" }];
  const found = `controllers use ${JSON.stringify(outer)}, invokers ${JSON.stringify(inner)}`;
  return [
    { check, level: "note", found, change: "With this, nothing runs unless the bus adapter runs: start it, or give both one prefix." },
  ];
}

function loadBalancerOf(controller: ServiceEnvironment): Finding {
  const check = `load balancer of ${controller.name}`;
  const kind = settingOf(controller, `${SPI}LoadBalancerProvider`);
  if (kind === CLASSIC_BALANCER) return { check, level: "good", found: "the classic one" };
  const found = kind === undefined ? "not set: by default the scheduler's (FPC)" : kind;
  const change = `Decisions and agents work; for the bus adapter set ${SPI}LoadBalancerProvider=${CLASSIC_BALANCER} (and the other three of docs/beside-your-cluster.md).`;
  return { check, level: "note", found, change };
}

function invokerKindOf(invoker: ServiceEnvironment): Finding {
  const check = `kind of ${invoker.name}`;
  const kind = settingOf(invoker, `${SPI}InvokerProvider`);
  if (kind === CLASSIC_INVOKER) return { check, level: "good", found: "the classic one" };
  const change = `For the bus adapter set ${SPI}InvokerProvider=${CLASSIC_INVOKER}.`;
  return { check, level: "note", found: kind ?? "not set: by default the scheduler's (FPC)", change };
}

function cpuCapOf(invoker: ServiceEnvironment): Finding {
  const check = `CPU limits of ${invoker.name}`;
  const cpus = settingOf(invoker, USER_CPUS);
  if (cpus !== undefined) return { check, level: "good", found: `${cpus} cores are divided among its containers by memory` };
  return {
    check,
    level: "bad",
    found: "none: its containers have no CPU limit, so there is no CPU to harvest",
    change: `Set ${USER_CPUS} to the cores that action containers may have together.`,
  };
}

function agentsOf(invoker: ServiceEnvironment): Finding[] {
  const values = (list: string) =>
    Object.entries(invoker.settings).filter(([name, value]) => name.startsWith(`${ARGS}${list}`) && value !== "");
  const volumes = values("extraArgs_volume").map(([, value]) => value);
  const variables = values("extraEnvVars_");
  const has = (text: string) => variables.some(([, value]) => value.startsWith(text));
  const missing = [
    ...(volumes.some((volume) => volume.includes(":/harvest")) ? [] : [`${ARGS}extraArgs_volume_0=/opt/harvest:/harvest:ro`]),
    ...(has("NODE_OPTIONS=--require=/harvest/") ? [] : [`${ARGS}extraEnvVars_1=NODE_OPTIONS=--require=/harvest/nodejs.cjs`]),
    ...(has("OW_COMPILER=/harvest/") ? [] : [`${ARGS}extraEnvVars_2=OW_COMPILER=/harvest/compile`]),
  ];
  const check = `agents of ${invoker.name}`;
  const findings: Finding[] =
    missing.length === 0
      ? [{ check, level: "good", found: "mounted into its containers" }]
      : [{ check, level: "bad", found: "its containers have no agents", change: `Set ${missing.join(" and ")}.` }];
  const writable = volumes.find((volume) => volume.includes(":/harvest") && !volume.endsWith(":ro"));
  if (writable !== undefined)
    findings.push({ check, level: "bad", found: `${writable} can be written by user code`, change: "Mount it read-only (:ro)." });
  return findings;
}

function logStoreOf(invoker: ServiceEnvironment): Finding {
  const check = `logs of ${invoker.name}`;
  const store = settingOf(invoker, `${SPI}LogStoreProvider`) ?? FILE_LOGS;
  if (store === FILE_LOGS) return { check, level: "good", found: "stored with the activation, with our line as the last" };
  const change = "Observations then come from Redis only: let the collector run all the time.";
  return { check, level: "note", found: `${store} does not store them with the activation`, change };
}

function logLimitOf(invoker: ServiceEnvironment): Finding[] {
  const max = settingOf(invoker, "CONFIG_whisk_logLimit_max");
  if (max === undefined || Number.parseInt(max, 10) > 0) return [];
  const change = "A log limit of 0 collects no logs and loses our line: allow at least 1 m.";
  return [{ check: `log limit of ${invoker.name}`, level: "bad", found: `at most ${max}`, change }];
}

/** Runs share a container only where its runtime lets them, too. */
function concurrencyOf(invoker: ServiceEnvironment): Finding[] {
  const max = settingOf(invoker, "CONFIG_whisk_concurrencyLimit_max");
  if (max === undefined || Number(max) <= 1) return [];
  const check = `concurrency of ${invoker.name}`;
  const isAllowed = Object.values(invoker.settings).some((value) => value.toLowerCase() === "__ow_allow_concurrent=true");
  if (!isAllowed) {
    const found = `actions may ask for ${max} runs in one container, whose runtime takes one`;
    const change = `Set ${ARGS}extraEnvVars_0=__OW_ALLOW_CONCURRENT=true, for waiting actions and any other that asks for it.`;
    return [{ check, level: "note", found, change }];
  }
  const found = `actions may serve ${max} runs in one container; conductors wait in one that does`;
  const change = "Actions that ask for it are left out of harvesting; those of a job file ask for 1 unless it says otherwise.";
  return [{ check, level: "note", found, change }];
}

function samePrefix(what: string, services: readonly ServiceEnvironment[], name: string): Finding[] {
  const prefixes = [...new Set(services.map((service) => settingOf(service, name) ?? ""))];
  if (prefixes.length <= 1) return [];
  const found = prefixes.map((prefix) => JSON.stringify(prefix)).join(", ");
  return [
    { check: `topic prefix of ${what}`, level: "bad", found: `they differ: ${found}`, change: `Give ${name} one value on all of them.` },
  ];
}

/** In Ansible the user events' prefix follows the topics' prefix unless it is set. */
function eventPrefixOf(controller: ServiceEnvironment): Finding[] {
  const [prefix, events] = [settingOf(controller, PREFIX), settingOf(controller, EVENT_PREFIX)];
  if (prefix === undefined || events !== undefined) return [];
  const found = `${PREFIX} is set and ${EVENT_PREFIX} is not`;
  return [{ check: `event prefix of ${controller.name}`, level: "note", found, change: `Set ${EVENT_PREFIX} if user events are read.` }];
}
