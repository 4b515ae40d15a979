/** A server as a process of its own, to be killed: prints one JSON line when it is ready, and goes on until it is told to end. */
import { cpus } from "node:os";
import { gridOf, loadConfig } from "@openwhisk-harvest/core";
import { RedisAllocationStore } from "@openwhisk-harvest/stores";
import { startStandalone } from "../server.js";
import { LOAD_FLAGS } from "./load.kit.js";

const [dataDir = "", redisUrl = ""] = process.argv.slice(2);
const config = loadConfig({ flags: ["standalone.port=0", "logLevel=warn", ...LOAD_FLAGS] });
const hostCores = cpus().length;
const allocations = await RedisAllocationStore.connect({ url: redisUrl, timeoutMs: 1_000, ttlMs: 60_000 });
const standalone = await startStandalone({ config, grid: gridOf(config, hostCores), hostCores, allocations, dataDir });
process.stdout.write(`${JSON.stringify({ apihost: standalone.apihost, auth: standalone.auth })}\n`);
process.once("SIGTERM", () => {
  void standalone
    .close()
    .then(() => allocations.close())
    .then(() => process.exit(0));
});
