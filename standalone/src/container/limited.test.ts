/** The containers of both drivers, held to the applier's contract. */
import { limitedContainerContract } from "@openwhisk-harvest/applier/contract";
import { detectEnforcement, limitsOfProcess } from "@openwhisk-harvest/cgroup";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import { findEngine } from "@openwhisk-harvest/testkit/docker";
import { createDockerDriver } from "./docker/docker-driver.js";
import { importNodejsImage } from "./docker/nodejs-image.kit.js";
import type { ContainerDriver } from "./driver.js";
import { limited } from "./limited.js";
import { createProcessDriver } from "./process-driver.js";

const USER = { cpuCores: 1, memoryMb: 256 };
const IMAGE = "harvest-test/limited:1.0";
const logger = new RecordingLogger();

async function openIn(driver: ContainerDriver) {
  const spec = { name: "limited", kind: "nodejs:20", memoryLimitMb: USER.memoryMb, environment: {} };
  const container = await driver.create(spec);
  await container.setCpuCores(USER.cpuCores); // as each run leaves it
  const [pid = 0] = container.group.processes();
  return { container: limited(container, USER, logger), inForce: () => limitsOfProcess(pid) };
}

const enforcer = await detectEnforcement();
const processes = await createProcessDriver({ enforcer, logger });
limitedContainerContract("a process of this host", {
  skip: enforcer.enforcement.startsWith("cgroup") ? false : `no writable control groups: ${enforcer.reason}`,
  hasMemoryHigh: enforcer.enforcement === "cgroup-v2",
  open: () => openIn(processes),
});

const found = await findEngine();
const docker = typeof found === "string" ? undefined : await dockerDriver(found);
limitedContainerContract("a container of a Docker engine", {
  skip: typeof found === "string" && found,
  hasMemoryHigh: false, // not the engine's to set
  open: () => openIn(docker as ContainerDriver),
  close: async () => {
    await processes.close();
    await enforcer.close();
    await docker?.close();
    if (typeof found !== "string") await found.close();
  },
});

async function dockerDriver({ engine, network }: Exclude<typeof found, string>): Promise<ContainerDriver> {
  await importNodejsImage(engine, IMAGE, {}, ["/bin/node", "/runtime.cjs"]);
  return createDockerDriver({ images: { "nodejs:20": IMAGE }, engine, network, userMemoryMb: 1024, logger });
}
