/** The node agent's containers, held to the applier's contract: real ones of a Docker engine. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { limitedContainerContract } from "@openwhisk-harvest/applier/contract";
import { detectEnforcement, limitsOfProcess, openGroup } from "@openwhisk-harvest/cgroup";
import { openStand } from "../stand.kit.js";
import { ContainerRecords } from "./container-records.js";
import { HeldContainer } from "./held-container.js";

const stand = await openStand();
const enforcer = await detectEnforcement();
await enforcer.close();
const folder = mkdtempSync(join(tmpdir(), "owh-held-"));
const records = new ContainerRecords(folder);
let count = 0;

limitedContainerContract("the node agent's", {
  skip: typeof stand === "string" ? stand : false,
  hasMemoryHigh: enforcer.enforcement === "cgroup-v2",
  open: async () => {
    if (typeof stand === "string") throw new Error(stand);
    const user = { cpuCores: 1, memoryMb: 256 };
    const name = `held${count++}`;
    const { pid, id } = await stand.plainContainer({ name, code: "function main() { return {} }", ...user });
    const container = new HeldContainer({ id, name, user }, openGroup(name, pid), records);
    return { container, inForce: () => limitsOfProcess(pid) };
  },
  close: async () => {
    if (typeof stand !== "string") await stand.close();
    rmSync(folder, { recursive: true });
  },
});
