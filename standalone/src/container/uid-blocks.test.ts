/** Rules uid-blocks.U1 and uid-blocks.U2, with claims of processes that live and of such that are gone. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { eventually } from "@openwhisk-harvest/testkit";
import { UidBlocks } from "./uid-blocks.js";
import { NumberedUsers } from "./users.js";

function claimsFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "owh-uid-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test("two drivers never give out the same user, and a full block is followed by another", (t) => {
  const folder = claimsFolder(t);
  const [one, other] = [new NumberedUsers(new UidBlocks(folder)), new NumberedUsers(new UidBlocks(folder))];
  const taken = Array.from({ length: 150 }, () => [one.take().uid, other.take().uid]).flat();
  assert.equal(new Set(taken).size, 300);
  assert.equal(Math.min(...taken), 60_001);
  assert.ok(Math.max(...taken) <= 65_000);
  const again = one.take();
  one.release(again);
  assert.deepEqual(one.take(), again, "the lowest free one is given out again");
  one.close();
  other.close();
  assert.deepEqual(readdirSync(folder), [], "nothing is claimed for ever");
});

test("all users taken is a clear error", (t) => {
  const blocks = new UidBlocks(claimsFolder(t));
  for (let n = 0; n < 50; n++) blocks.claim();
  assert.throws(() => blocks.claim(), RangeError);
});

test("uid-blocks.U2: the claim of a process that is gone is removed; that of one that lives is kept", async (t) => {
  const folder = claimsFolder(t);
  const gone = spawnSync(process.execPath, ["-e", ""]).pid;
  const alive = spawn("sleep", ["60"]);
  t.after(() => alive.kill("SIGKILL"));
  writeFileSync(join(folder, `60001.${gone}.1`), "");
  writeFileSync(join(folder, `60101.${alive.pid}.1`), "");
  writeFileSync(join(folder, "not a claim"), "");
  const blocks = new UidBlocks(folder);
  assert.deepEqual([blocks.claim(), blocks.claim()], [60_001, 60_201]);
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes(`.${gone}.`)),
    [],
  );
});

test("uid-blocks.U1: of several processes that claim at once, no two get the same, and kill -9 gives all back", async (t) => {
  const folder = claimsFolder(t);
  const script = `const { UidBlocks } = await import(${JSON.stringify(new URL("./uid-blocks.js", import.meta.url).href)});
    const blocks = new UidBlocks(process.argv[1]); const mine = [];
    for (let n = 0; n < 5; n++) mine.push(blocks.claim());
    console.log(mine.join()); setInterval(() => {}, 1000);`;
  const children = Array.from({ length: 4 }, () => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], { stdio: ["ignore", "pipe", "inherit"] });
    const said = { child, text: "" };
    child.stdout.on("data", (chunk) => {
      said.text += chunk;
    });
    t.after(() => child.kill("SIGKILL"));
    return said;
  });
  await eventually(() => children.every(({ text }) => text.endsWith("\n")), "all have claimed");
  const claimed = children.flatMap(({ text }) => text.trim().split(","));
  assert.equal(new Set(claimed).size, 20);
  for (const { child } of children) child.kill("SIGKILL");
  await eventually(() => children.every(({ child }) => child.signalCode === "SIGKILL"), "all are gone");
  assert.equal(new UidBlocks(folder).claim(), 60_001);
});
