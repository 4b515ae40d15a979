import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { documentsContract } from "./documents.contract.js";
import { overLmdb } from "./documents.kit.js";
import { openLmdbDocuments } from "./lmdb.js";

documentsContract("lmdb", overLmdb);

/** A process of its own that counts one document up, as often as it can, and says each number that was acknowledged. */
const COUNTER = `
  import { openLmdbDocuments } from ${JSON.stringify(new URL("./lmdb.js", import.meta.url).href)};
  const database = openLmdbDocuments(process.argv[1]).database("harvest_dags");
  for (let done = 0; done < Number(process.argv[2]); ) {
    const old = await database.get("counter");
    try {
      const n = (old?.body.n ?? 0) + 1;
      await database.put("counter", { n }, old?.rev);
      process.stdout.write(n + "\\n");
      done++;
    } catch (error) {
      if (error.code !== "OWH_CONFLICT") throw error;
    }
  }
`;

describe("lmdb documents of several processes", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "harvest-lmdb-"));
  });
  after(() => rm(dir, { recursive: true }));
  const count = (times: number) =>
    spawn(process.execPath, ["--input-type=module", "-e", COUNTER, dir, String(times)], { stdio: ["ignore", "pipe", "inherit"] });

  it("no count is lost between processes", async () => {
    const counters = [count(100), count(100)];
    for (const counter of counters) counter.stdout.resume();
    assert.deepEqual(await Promise.all(counters.map((counter) => once(counter, "exit"))), [
      [0, null],
      [0, null],
    ]);
    const store = openLmdbDocuments(dir);
    assert.deepEqual((await store.database("harvest_dags").get("counter"))?.body, { n: 200 });
    await store.close();
  });

  it("a killed process loses nothing that was acknowledged, and locks no other out", async () => {
    const counter = count(1_000_000);
    let acknowledged = 0;
    for await (const line of createInterface({ input: counter.stdout })) {
      acknowledged = Number(line);
      if (acknowledged === 300) counter.kill("SIGKILL");
    }
    const store = openLmdbDocuments(dir);
    const database = store.database("harvest_dags");
    const kept = await database.get<{ n: number }>("counter");
    assert.ok((kept?.body.n ?? 0) >= acknowledged);
    await database.put("counter", { n: 0 }, kept?.rev);
    await store.close();
  });

  it("a folder that cannot be one is OWH_STORE_UNAVAILABLE", async () => {
    const file = join(dir, "file");
    await writeFile(file, "no folder");
    assert.throws(() => openLmdbDocuments(join(file, "below")), { code: "OWH_STORE_UNAVAILABLE" });
  });

  it("a closed store answers nothing", async () => {
    const store = openLmdbDocuments(join(dir, "closed"));
    const database = store.database("harvest_dags");
    await database.put("a", {});
    await store.close();
    await assert.rejects(database.get("a"), { code: "OWH_STORE_UNAVAILABLE" });
    await assert.rejects(database.put("b", {}), { code: "OWH_STORE_UNAVAILABLE" });
  });
});
