/** Rules disk-watch.W1 and disk-watch.W2. */
import assert from "node:assert/strict";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { isOver } from "./disk-watch.js";

const MB = 1 << 20;

describe("what a container has on the disk", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "owh-disk-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const isOverOf = (diskMb: number, pids: number[] = []) => isOver({ folder, diskMb, group: { processes: () => pids } });

  it("counts what files take, in folders below, too, and not what they pretend", async () => {
    mkdirSync(join(folder, "a", "b"), { recursive: true });
    writeFileSync(join(folder, "one"), Buffer.alloc(MB, 1));
    writeFileSync(join(folder, "a", "b", "two"), Buffer.alloc(MB, 1));
    writeFileSync(join(folder, "sparse"), "");
    truncateSync(join(folder, "sparse"), 100 * MB);
    assert.deepEqual([await isOverOf(3), await isOverOf(1)], [false, true]);
  });

  it("counts files that are open and have no name any more, once", async () => {
    const path = join(folder, "hidden");
    const fd = openSync(path, "w");
    const again = openSync(path, "r");
    writeSync(fd, Buffer.alloc(2 * MB, 1));
    rmSync(path);
    assert.deepEqual([await isOverOf(1), await isOverOf(1, [process.pid]), await isOverOf(3, [process.pid])], [false, true, false]);
    closeSync(fd);
    closeSync(again);
  });

  it("takes more files than it would look at for too much", async () => {
    for (let i = 0; i <= 20_000; i++) closeSync(openSync(join(folder, String(i)), "w"));
    assert.equal(await isOverOf(1_000), true);
  });
});
