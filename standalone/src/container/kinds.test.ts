/** Which kinds a host offers, and what stands behind them. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { findPython, kindsOf, kindsOfImages, offeredKind, offeredKinds, runtimeCommand } from "./kinds.js";

const node = { executable: "/usr/bin/node", version: "20.1.0" };
const python = { executable: "/usr/bin/python3", version: "3.11.2" };
const names = (kinds: ReturnType<typeof kindsOf>) => kinds.map((each) => each.kind);

test("a host with python offers python:3 and its minor version, one without offers neither", () => {
  assert.deepEqual(names(kindsOf(python, node)), ["nodejs:18", "nodejs:20", "python:3", "python:3.11"]);
  assert.deepEqual(names(kindsOf(undefined, node)), ["nodejs:18", "nodejs:20"]);
});

test("`default` is one kind of each family; what is not offered is not resolved", () => {
  const kinds = kindsOf(python, node);
  assert.equal(offeredKind("nodejs:default", kinds)?.kind, "nodejs:20");
  assert.equal(offeredKind("python:default", kinds)?.kind, "python:3");
  assert.equal(offeredKind("python:3.11", kinds)?.executable, "/usr/bin/python3");
  for (const unknown of ["python:2", "python", "go:default", "", "nodejs:", "nodejs:20:default"])
    assert.equal(offeredKind(unknown, kinds), undefined, unknown);
  assert.equal(offeredKind("python:default", kindsOf(undefined, node)), undefined);
});

test("this host's kinds are found once, and nodejs is what we run on", () => {
  assert.equal(offeredKinds(), offeredKinds());
  const { executable, version } = offeredKind("nodejs:default") ?? {};
  assert.deepEqual([executable, version], [process.execPath, process.versions.node]);
});

test("a python3 that cannot be run, is none, or is too old is passed over", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "owh-py-"));
  t.after(() => rm(folder, { recursive: true }));
  await chmod(folder, 0o755);
  const file = join(folder, "python3");
  const elsewhere = findPython("");
  for (const script of ["exit 1", "echo /usr/bin/other 2.7.18", "echo /usr/bin/python3 3.5.0", "echo garbage"]) {
    await writeFile(file, `#!/bin/sh\n${script}\n`);
    await chmod(file, 0o755);
    assert.deepEqual(findPython(folder), elsewhere, script);
  }
  await writeFile(file, "#!/bin/sh\necho /opt/python3.12 3.12.1\n");
  assert.deepEqual(findPython(folder), { executable: "/opt/python3.12", version: "3.12.1" });
  await chmod(file, 0o600);
  assert.deepEqual(findPython(folder), elsewhere, "not executable");
});

test("V8 is told its heap where no kernel bounds it; python has no such bound", () => {
  const [nodejs, py] = [offeredKind("nodejs:20", kindsOf(python, node)), offeredKind("python:3", kindsOf(python, node))];
  assert.ok(nodejs && py);
  assert.deepEqual(runtimeCommand(nodejs, "/r.cjs", 128), ["/usr/bin/node", "--max-old-space-size=128", "/r.cjs"]);
  assert.deepEqual(runtimeCommand(nodejs, "/r.cjs", undefined), ["/usr/bin/node", "/r.cjs"]);
  assert.deepEqual(runtimeCommand(py, "/r.py", 128), ["/usr/bin/python3", "/r.py"]);
});

test("a Docker driver's kinds are those that it has images of", () => {
  const kinds = kindsOfImages({ "nodejs:20": "n:20", "nodejs:18": "n:18", "go:1.20": "g" });
  assert.equal(offeredKind("nodejs:default", kinds)?.kind, "nodejs:20");
  assert.equal(offeredKind("go:default", kinds)?.kind, "go:1.20");
  assert.equal(offeredKind("nodejs:18", kinds)?.default, false);
  assert.equal(offeredKind("python:3", kinds), undefined);
});
