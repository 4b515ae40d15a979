/**
 * A real Kafka broker for tests and benches: one Java process in KRaft mode, on loopback and free ports, with its data in a temporary
 * folder. `kafka/fetch.sh` brings its jars.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KafkaBus } from "./kafka-bus.js";

export { ScriptedController, ScriptedInvoker } from "./cluster.test.kit.js";

const JARS = fileURLToPath(new URL("../../../node_modules/.cache/openwhisk-harvest/kafka/3.9.1/lib", import.meta.url));
const START_MS = 60_000;

/** Why there can be no broker here; false when there can. */
export function brokerMissing(): string | false {
  if (!existsSync(JARS)) return "no Kafka jars: run loadbalancer-shim/bus/kafka/fetch.sh";
  return spawnSync("java", ["-version"]).status === 0 ? false : "no java";
}

export interface TestBroker {
  /** host:port */
  readonly address: string;
  bus(): KafkaBus;
  close(): Promise<void>;
}

export async function startBroker(): Promise<TestBroker> {
  const folder = mkdtempSync(join(tmpdir(), "harvest-kafka-"));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(folder, "server.properties");
  writeFileSync(properties, propertiesOf(folder, port, controllerPort));
  run(["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties]);
  const java = spawn("java", [...JAVA, "-cp", `${JARS}/*`, "kafka.Kafka", properties], { stdio: "ignore" });
  const stop = () => void java.kill("SIGKILL");
  process.on("exit", stop);
  await answering(java, `127.0.0.1:${port}`);
  const buses: KafkaBus[] = [];
  return {
    address: `127.0.0.1:${port}`,
    bus() {
      const bus = new KafkaBus(`127.0.0.1:${port}`);
      buses.push(bus);
      return bus;
    },
    async close() {
      await Promise.allSettled(buses.map((bus) => bus.close()));
      const ended = new Promise((resolve) => void java.once("exit", resolve));
      stop();
      if (java.exitCode === null && java.signalCode === null) await ended;
      process.off("exit", stop);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A small heap, and the quick compiler only: it starts in a few seconds on two cores. */
const JAVA = ["-Xmx384m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true"];

function run(command: readonly string[]): void {
  const { status, stderr } = spawnSync("java", [...JAVA, "-cp", `${JARS}/*`, ...command], { encoding: "utf8" });
  if (status !== 0) throw new Error(`Kafka's storage could not be formatted: ${stderr.slice(-500)}`);
}

/** Topics are made by those who need them, as in OpenWhisk's own deployment; one node keeps one copy of everything. */
function propertiesOf(folder: string, port: number, controllerPort: number): string {
  return [
    "process.roles=broker,controller",
    "node.id=1",
    `controller.quorum.voters=1@127.0.0.1:${controllerPort}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    "controller.listener.names=CONTROLLER",
    `log.dirs=${join(folder, "data")}`,
    "auto.create.topics.enable=false",
    "offsets.topic.replication.factor=1",
    "offsets.topic.num.partitions=1",
    "transaction.state.log.replication.factor=1",
    "transaction.state.log.min.isr=1",
    "transaction.state.log.num.partitions=1",
    "group.initial.rebalance.delay.ms=0",
    "group.min.session.timeout.ms=1000",
    "num.network.threads=2",
    "num.io.threads=2",
  ].join("\n");
}

async function answering(java: ChildProcess, address: string): Promise<void> {
  const untilMs = performance.now() + START_MS;
  for (;;) {
    if (java.exitCode !== null) throw new Error(`Kafka ended with ${java.exitCode}.`);
    const bus = new KafkaBus(address);
    try {
      await bus.topics();
      return;
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    } finally {
      await bus.close();
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
