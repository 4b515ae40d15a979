import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@openwhisk-harvest/core";
import { LogLines } from "../standalone.kit.js";
import { openStorage } from "./open-storage.js";
import { storageContract } from "./storage.contract.js";

storageContract("embedded", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "owh-storage-"));
  return {
    open: () => openStorage({ dataDir, logger: new LogLines(), clock: systemClock }),
    close: () => rm(dataDir, { recursive: true }),
  };
});
