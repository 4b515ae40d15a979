/**
 * A real Kafka broker for tests and benches: one Java process in KRaft mode, on loopback and free ports, with its data
 * in a temporary folder. `kafka/fetch.sh` brings its jars.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../eventually.js";

const JARS = fileURLToPath(new URL("../../../../node_modules/.cache/openwhisk-harvest/kafka/3.9.1/lib", import.meta.url));

/** Why there can be no broker here; false when there can. */
export function brokerMissing(): string | false {
  if (!existsSync(JARS)) return "no Kafka jars: run loadbalancer-shim/bus/kafka/fetch.sh";
  return spawnSync("java", ["-version"]).status === 0 ? false : "no java";
}

/** A connection to a broker. */
export interface Connection {
  topics(): Promise<unknown>;
  close(): Promise<void>;
}

export interface TestBroker<C extends Connection> {
  /** host:port */
  readonly address: string;
  /** A connection of its own, which is closed with the broker. */
  bus(): C;
  close(): Promise<void>;
}

/** `connect` opens a connection to `host:port`; how is the business of the room that is tested. */
export async function startBroker<C extends Connection>(connect: (address: string) => C): Promise<TestBroker<C>> {
  const folder = mkdtempSync(join(tmpdir(), "harvest-kafka-"));
  const [port, controllerPort] = [await freePort(), await freePort()];
  const properties = join(folder, "server.properties");
  writeFileSync(properties, propertiesOf(folder, port, controllerPort));
  run(["kafka.tools.StorageTool", "format", "-t", "AAAAAAAAAAAAAAAAAAAAAQ", "-c", properties]);
  const java = spawn("java", [...JAVA, "-cp", `${JARS}/*`, "kafka.Kafka", properties], { stdio: "ignore" });
  const stop = () => void java.kill("SIGKILL");
  process.on("exit", stop);
  const address = `127.0.0.1:${port}`;
  await eventually(() => answers(java, connect(address)), "the broker answers");
  const buses: C[] = [];
  return {
    address,
    bus() {
      const bus = connect(address);
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

/**
 * Topics are made by the parts that need them, as in OpenWhisk's own deployment; one node keeps one copy of everything.
 */
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

async function answers(java: ChildProcess, connection: Connection): Promise<boolean> {
  if (java.exitCode !== null) throw new Error(`Kafka ended with ${java.exitCode}.`);
  try {
    await connection.topics();
    return true;
  } catch {
    return false; // it does not listen yet
  } finally {
    await connection.close();
  }
}

/** Of loopback, and free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port"))));
    });
  });
}
