import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { documentsContract } from "./documents.contract.js";
import { openLmdbDocuments } from "./lmdb.js";

documentsContract("lmdb", async () => {
  const dir = await mkdtemp(join(tmpdir(), "harvest-lmdb-"));
  const store = openLmdbDocuments(dir);
  const second = openLmdbDocuments(dir);
  return {
    store,
    second,
    async close() {
      await store.close();
      await second.close();
      await rm(dir, { recursive: true });
    },
  };
});
