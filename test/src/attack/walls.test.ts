/** walls.W1 to walls.W3 and container-folder.F1, from inside: as root, where namespaces can be made, which is so wherever this is to be relied on. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { hasPython, type Neighbours, SECRET, startNeighbours } from "./neighbours.kit.js";

const TMP_MB = 32;
const isRoot = process.getuid?.() === 0;
const CODE_OF = `const { readFileSync, readdirSync, writeFileSync, unlinkSync, symlinkSync } = require('fs');
const { spawnSync, execFileSync } = require('child_process');
const attempt = (act) => { try { return act() ?? 'done' } catch (error) { return error.code ?? String(error) } };`;

describe("walls", { skip: !isRoot && "only root can build walls" }, () => {
  let neighbours: Neighbours;
  let dataDir: string;
  before(async () => {
    dataDir = mkdtempSync("/var/tmp/hv-walls-"); // not below /tmp, and open to all, as a careless operator may have it
    neighbours = await startNeighbours([`dataDir=${dataDir}`, `standalone.tmpMb=${TMP_MB}`]);
    chmodSync(dataDir, 0o755);
    writeFileSync(join(dataDir, "open.txt"), SECRET, { mode: 0o644 });
  });
  after(async () => {
    await neighbours?.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const attack = async (body: string, params: Record<string, unknown> = {}) => {
    const seen = await neighbours.attack({ code: `${CODE_OF} function main(p) { ${body} }`, params });
    await neighbours.assertUnharmed(seen);
    return seen;
  };

  test("walls.W1: it sees no process but its own, and kills no other", async () => {
    const seen = await attack(`return { pids: readdirSync('/proc').filter(Number).length, us: attempt(() => process.kill(p.pid, 0)) }`, {
      pid: process.pid,
    });
    assert.ok(Number(seen["pids"]) <= 3, String(seen["pids"]));
    assert.equal(seen["us"], "ESRCH");
    const suicide = await neighbours.attack({ code: `${CODE_OF} function main() { execFileSync('sh', ['-c', 'kill -9 -1']); return {} }` });
    assert.match(String(suicide["error"]), /did not initialize|did not produce|abnormal/);
    await neighbours.assertUnharmed(suicide);
  });

  test("walls.W2: what it writes to /tmp and /dev/shm is its own, and bounded", async () => {
    const mark = `/tmp/mark-${process.pid}`;
    const seen = await attack(
      `writeFileSync(p.mark, 'x');
       const fill = (folder) => { let mb = 0; const block = Buffer.alloc(1 << 20, 1);
         const full = attempt(() => { for (; mb < 200; mb++) writeFileSync(folder + '/fill' + mb, block); }); 
         for (let i = 0; i <= mb; i++) attempt(() => unlinkSync(folder + '/fill' + i));
         return { mb, full } };
       return { tmp: fill('/tmp'), shm: fill('/dev/shm'), entries: readdirSync('/tmp').length }`,
      { mark },
    );
    const { tmp, shm } = seen as Record<"tmp" | "shm", { mb: number; full: string }>;
    assert.deepEqual([tmp.full, shm.full], ["ENOSPC", "ENOSPC"]);
    assert.ok(tmp.mb <= TMP_MB && shm.mb <= 64);
    assert.equal(existsSync(mark), false);
    const next = await attack("return { there: attempt(() => readFileSync(p.mark, 'utf8')) }", { mark });
    assert.equal(next["there"], "ENOENT");
  });

  test("walls.W2: it writes nowhere else, and the data folder is empty to it", async () => {
    const seen = await attack(
      `return { elsewhere: attempt(() => writeFileSync('/var/tmp/x', '')), folder: attempt(() => readdirSync(p.dataDir)), file: attempt(() => readFileSync(p.dataDir + '/open.txt', 'utf8')) }`,
      { dataDir },
    );
    assert.deepEqual(seen, { elsewhere: "EROFS", folder: "EACCES", file: "EACCES" });
  });

  test("walls.W3: it has no capability and cannot get one", async () => {
    const seen = await attack("return { status: readFileSync('/proc/self/status', 'utf8') }");
    const status = String(seen["status"]);
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) assert.match(status, new RegExp(`^${set}:\\s+0+$`, "m"));
    assert.match(status, /^NoNewPrivs:\s+1$/m);
  });

  test("container-folder.F1: it cannot put anything in the place of its socket", async () => {
    const seen = await attack(
      `const socket = process.cwd() + '/../run/s';
       return { unlink: attempt(() => unlinkSync(socket)), link: attempt(() => symlinkSync('/var/run/docker.sock', process.cwd() + '/../run/t')) }`,
    );
    assert.deepEqual(seen, { unlink: "EACCES", link: "EACCES" });
  });

  test("a fork bomb ends at its number of processes", async () => {
    const code = `${CODE_OF} async function main() {
      const { spawn } = require('child_process'); let failed;
      for (let n = 0; n < 1100 && !failed; n++) spawn('sleep', ['1000'], { stdio: 'ignore' }).once('error', (error) => { failed = error.code });
      await new Promise((go) => setTimeout(go, 200));
      return { failed } }`;
    const seen = await neighbours.attack({ code, limits: { memory: 2048 } });
    assert.equal(seen["failed"], "EAGAIN", JSON.stringify(seen));
    await neighbours.assertUnharmed(seen);
  });

  test("python stands behind the same walls", { skip: !hasPython && "no python3 here" }, async () => {
    const code = `import os
def main(args):
  status = open("/proc/self/status").read()
  return {"pids": len([p for p in os.listdir("/proc") if p.isdigit()]), "rights": [l.split()[1] for l in status.splitlines() if l.startswith("CapBnd") or l.startswith("NoNewPrivs")]}`;
    const seen = await neighbours.attack({ kind: "python:3", code });
    assert.deepEqual(seen, { pids: 2, rights: ["0000000000000000", "1"] });
    await neighbours.assertUnharmed(seen);
  });
});
