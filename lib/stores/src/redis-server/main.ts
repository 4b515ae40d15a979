/**
 * The embedded Redis server as a process. Its standard input brings one line of JSON (settings.ts) and then stays open; when it
 * closes, because the parent is gone, or on SIGTERM, the server ends. It says `{"port":n}` on standard output when it is ready.
 */
import { createInterface } from "node:readline";
import { messageOf } from "@openwhisk-harvest/core";
import { EmbeddedRedis } from "./server.js";
import type { ServerSettings } from "./settings.js";

function fail(error: unknown): never {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(1);
}

async function run(settings: ServerSettings, ended: Promise<void>): Promise<void> {
  let shutDown: () => void = () => undefined;
  const told = new Promise<void>((resolve) => {
    shutDown = resolve;
  });
  process.once("SIGTERM", shutDown);
  const onWarning = (message: string) => void process.stderr.write(`${message}\n`);
  const redis = await EmbeddedRedis.start({ ...settings, onShutdown: shutDown, onWarning });
  process.stdout.write(`${JSON.stringify({ port: redis.port })}\n`);
  await Promise.race([told, ended]);
  await redis.close();
  process.exit(0);
}

process.on("uncaughtException", fail);
const input = createInterface({ input: process.stdin });
const ended = new Promise<void>((resolve) => {
  input.once("close", resolve);
});
input.once("line", (line) => {
  run(JSON.parse(line) as ServerSettings, ended).catch(fail);
});
