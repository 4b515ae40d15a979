import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, test } from "node:test";
import { temporaryFolder, writableFolder } from "./folders.js";

const root = mkdtempSync(join(tmpdir(), "harvest-folders-"));
after(() => rmSync(root, { recursive: true, force: true }));

test("a folder is made with those above it, and what cannot be one is told by its option", () => {
  assert.equal(writableFolder("--out", join(root, "a", "b")), join(root, "a", "b"));
  assert.equal(existsSync(join(root, "a", "b")), true);
  writeFileSync(join(root, "file"), "");
  for (const path of ["/proc/nope/deeper", join(root, "file"), join(root, "file", "below")])
    assert.throws(() => writableFolder("--out", path), { code: "OWH_BAD_CONFIG", message: new RegExp(`^--out: ${path} is no folder`) });
});

test("temporary folders of processes that are gone are taken away, and no others", () => {
  const dead = spawnSync(process.execPath, ["--version"]).pid;
  for (const name of [`x-${dead}-abcdef`, `x-${process.ppid}-abcdef`, `y-${dead}-abcdef`, "x-more"])
    mkdirSync(join(root, "t", name), { recursive: true });
  const made = temporaryFolder("x", join(root, "t"));
  assert.deepEqual(readdirSync(join(root, "t")).sort(), [basename(made), "x-more", `x-${process.ppid}-abcdef`, `y-${dead}-abcdef`].sort());
});
