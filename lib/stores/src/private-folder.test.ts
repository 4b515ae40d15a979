/** Rules private-folder.P1 and private-folder.P2. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { HarvestError } from "@openwhisk-harvest/core";
import { openStores } from "./open-stores.js";
import { requirePrivate } from "./private-folder.js";

const root = mkdtempSync(join(tmpdir(), "owh-private-"));
after(() => rmSync(root, { recursive: true }));

test("private-folder.P1: the documents' folder and files are their owner's alone, whatever the umask", async () => {
  const before = process.umask(0);
  try {
    const folder = join(root, "data");
    mkdirSync(folder, { mode: 0o700 });
    const stores = openStores({ dataDir: folder });
    await stores.documents.database("harvest_models").put("a", {});
    await stores.close();
    requirePrivate(folder);
    assert.equal(statSync(join(folder, "documents", "data.mdb")).mode & 0o777, 0o600);
  } finally {
    process.umask(before);
  }
});

test("private-folder.P2: what others can reach is refused, and the command in the refusal mends it", () => {
  const folder = join(root, "it's mine");
  mkdirSync(join(folder, "documents"), { recursive: true });
  const file = join(folder, "documents", "data.mdb");
  writeFileSync(file, "", { mode: 0o600 });
  const commands = new Set<string>();
  for (const [path, mode] of [[folder, 0o755] as const, [join(folder, "documents"), 0o710] as const, [file, 0o604] as const]) {
    for (const each of [folder, join(folder, "documents")]) chmodSync(each, 0o700);
    chmodSync(file, 0o600);
    requirePrivate(folder);
    chmodSync(path, mode);
    assert.throws(
      () => requirePrivate(folder),
      (error: unknown) => {
        assert.ok(error instanceof HarvestError && error.code === "OWH_BAD_CONFIG" && error.message.includes(path));
        commands.add(error.message.slice(error.message.indexOf("chmod ")));
        return true;
      },
    );
  }
  const [command = "", ...others] = commands;
  assert.deepEqual(others, []);
  execFileSync("sh", ["-c", command]);
  requirePrivate(folder);
});
