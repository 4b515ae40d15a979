/** What an invocation costs on the embedded OpenWhisk: warm no-op and cold start over its REST API with the npm client, one in flight. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStack } from "@openwhisk-harvest/cli";
import { loadConfig } from "@openwhisk-harvest/core";
import openwhisk from "openwhisk";
import pino from "pino";
import { type Figure, figure, timeEach } from "./statistics.js";

const NO_OP = "function main() { return {} }";

export async function benchInvocation(count: number): Promise<Figure[]> {
  const dataDir = mkdtempSync(join(tmpdir(), "hv-bench-"));
  const config = loadConfig({ flags: [`dataDir=${dataDir}`, "standalone.port=0", "sidecar.port=0"] });
  const startedMs = performance.now();
  const stack = await startStack({ config, logger: pino({ level: "silent" }) });
  const startMs = performance.now() - startedMs;
  try {
    const { apihost, auth, namespace } = stack.standalone;
    const client = openwhisk({ apihost, api_key: auth, namespace });
    await client.actions.update({ name: "noop", action: NO_OP, kind: "nodejs:20" });
    const invoke = () => client.actions.invoke({ name: "noop", blocking: true, result: true });
    const warm = await timeEach(count, invoke);
    const cold: number[] = [];
    for (let i = 0; i < count / 25; i++) {
      await client.actions.update({ name: "noop", action: NO_OP, kind: "nodejs:20" }); // a new revision has no warm container
      cold.push(...(await timeEach(1, invoke, 0)));
    }
    return [
      figure("start of the whole stack", "ms", [startMs]),
      figure("warm no-op, blocking invocation", "ms", warm),
      figure("cold start of a no-op (nodejs), blocking invocation", "ms", cold),
    ];
  } finally {
    await stack.close();
    rmSync(dataDir, { recursive: true, force: true });
  }
}
