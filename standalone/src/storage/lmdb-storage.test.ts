import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@openwhisk-harvest/core";
import { RecordingLogger } from "@openwhisk-harvest/testkit";
import { openStorage } from "./open-storage.js";
import { storageContract } from "./storage.contract.js";

const fixture = async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "owh-storage-"));
  return {
    open: () => openStorage({ dataDir, logger: new RecordingLogger(), clock: systemClock }),
    close: () => rm(dataDir, { recursive: true }),
  };
};

storageContract("embedded", fixture, { prunes: true });
