/** walls.W1 and walls.W2 where the server is an ordinary user's: `harvest up` as a process of one, and an action that looks around. */
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import openwhisk from "openwhisk";

const HARVEST = fileURLToPath(new URL("../../../cli/bin/harvest.js", import.meta.url));
const USER = { uid: 65_431, gid: 65_431 };
const dataDir = mkdtempSync("/var/tmp/hv-user-");
after(() => rmSync(dataDir, { recursive: true, force: true }));

const LOOK = `const { readFileSync, readdirSync, writeFileSync } = require('fs');
const attempt = (act) => { try { return act() ?? 'done' } catch (error) { return error.code } };
const main = ({ dataDir, pid }) => ({
  uid: process.getuid(),
  pids: readdirSync('/proc').filter(Number).length,
  kill: attempt(() => process.kill(pid, 0)),
  keys: attempt(() => readFileSync(dataDir + '/stack.json', 'utf8')),
  tmp: [attempt(() => writeFileSync('/tmp/mark', '')), readdirSync('/tmp')],
  elsewhere: attempt(() => writeFileSync('/var/tmp/mark', '')),
  rights: /^CapEff:\\s+(\\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1],
});`;

function whyNot(): string | false {
  if (process.getuid?.() !== 0) return "only root can become another user";
  try {
    execFileSync("unshare", ["--user", "--map-root-user", "true"], { ...USER, cwd: "/", stdio: "ignore" });
    execFileSync(process.execPath, [HARVEST, "--version"], { ...USER, cwd: "/", stdio: "ignore" });
    return false;
  } catch {
    return "an ordinary user has no user namespaces here, or cannot read this folder";
  }
}

test("an action of an ordinary user's server", { skip: whyNot() }, async () => {
  chownSync(dataDir, USER.uid, USER.gid);
  chmodSync(dataDir, 0o700);
  const server = spawn(
    process.execPath,
    [HARVEST, "up", "--json", "--port", "0", "--data-dir", join(dataDir, "d"), "--set", "sidecar.port=0"],
    {
      ...{ ...USER, cwd: "/", env: { PATH: process.env["PATH"], HOME: dataDir } },
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  try {
    const [line] = await once(createInterface(server.stdout), "line");
    const { apihost, auth } = JSON.parse(String(line)) as { apihost: string; auth: string };
    const client = openwhisk({ apihost, api_key: auth });
    await client.actions.update({ name: "look", action: LOOK });
    const params = { dataDir: join(dataDir, "d"), pid: server.pid };
    const { tmp, pids, ...seen } = await client.actions.invoke({ name: "look", blocking: true, result: true, params });
    assert.deepEqual(seen, { uid: USER.uid, kill: "ESRCH", keys: "EACCES", elsewhere: "EROFS", rights: "0000000000000000" });
    assert.equal(tmp[0], "done");
    assert.ok(pids <= 3, `${pids} processes`);
  } finally {
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    await ended;
  }
});
