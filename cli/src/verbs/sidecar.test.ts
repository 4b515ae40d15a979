/** `harvest sidecar` as a process of its own, beside an OpenWhisk that is asked about keys. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { startRedis } from "@openwhisk-harvest/stores";

const BIN = join(import.meta.dirname, "../../bin/harvest.js");

describe("harvest sidecar", () => {
  const folder = mkdtempSync(join(tmpdir(), "harvest-sidecar-"));
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("answers by configuration alone, and ends when it is told to", async () => {
    const openwhisk = createServer((_request, response) => response.writeHead(401).end("{}"));
    await once(openwhisk.listen(0, "127.0.0.1"), "listening");
    const redis = await startRedis({ dataDir: folder, preferSystem: false });
    const settings = {
      ...{ HARVEST_REDIS_URL: redis.url, HARVEST_DATA_DIR: folder, HARVEST_SIDECAR_PORT: "0", HARVEST_LOG_LEVEL: "silent" },
      HARVEST_SIDECAR_APIHOST: `http://127.0.0.1:${(openwhisk.address() as AddressInfo).port}`,
    };
    const child = spawn(process.execPath, [BIN, "sidecar"], { env: { ...process.env, ...settings }, stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [line] = (await once(child.stdout, "data")) as [Buffer];
      const url = line.toString().trim();
      assert.equal((await fetch(`${url}/healthz`)).status, 200);
      const headers = { authorization: `Basic ${Buffer.from("a:b").toString("base64")}` };
      assert.equal((await fetch(`${url}/v1/decisions/none`, { headers })).status, 401, "a key that OpenWhisk does not know");
      child.kill("SIGTERM");
      const [code] = (await once(child, "exit")) as [number | null];
      assert.equal(code, 0);
    } finally {
      child.kill("SIGKILL");
      await redis.close();
      openwhisk.close();
    }
  });

  it("says what it needs", () => {
    const { status, stderr } = spawnSync(process.execPath, [BIN, "sidecar", "--data-dir", folder], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /redis\.url and sidecar\.apihost.*OWH_BAD_CONFIG/);
  });
});
