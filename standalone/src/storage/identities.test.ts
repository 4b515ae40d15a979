import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { realWrites } from "./data-disk.js";
import { FileSubjects } from "./file-subjects.js";
import { Identities } from "./identities.js";

const folder = mkdtempSync(join(tmpdir(), "owh-identities-"));
after(() => rmSync(folder, { recursive: true }));

function subjectsIn(name: string): FileSubjects {
  const own = join(folder, name);
  mkdirSync(own, { recursive: true });
  return new FileSubjects({ folder: own, replaceFile: (file, text) => realWrites.replaceFile(join(own, file), text) });
}

test("the first start makes a guest with a key of OpenWhisk's form, which only the owner can read", async () => {
  const file = join(folder, "data", "identities.json");
  const { guest } = await Identities.open(subjectsIn("data"));
  assert.match(guest.authkey, /^[0-9a-f-]{36}:[A-Za-z0-9]{64}$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual((await Identities.open(subjectsIn("data"))).guest, guest, "later starts find it again");
  assert.notEqual((await Identities.open(subjectsIn("other"))).guest.authkey, guest.authkey, "no two installations share a key");
});

test("only the whole key authenticates", async () => {
  const identities = await Identities.open(subjectsIn("auth"));
  const key = identities.guest.authkey;
  assert.equal(identities.authenticate(key), identities.guest);
  for (const wrong of ["", ":", key.slice(0, -1), `${key}a`, key.replace(/.$/, (c) => (c === "a" ? "b" : "a")), key.split(":")[0] ?? ""])
    assert.equal(identities.authenticate(wrong), undefined);
});

test("further identities are kept, and a damaged file is named, not replaced", async () => {
  const made = await (await Identities.open(subjectsIn("more"))).create("second");
  assert.deepEqual((await Identities.open(subjectsIn("more"))).authenticate(made.authkey), made);
  const subjects = subjectsIn("damaged");
  const damaged = join(folder, "damaged", "identities.json");
  writeFileSync(damaged, "{");
  await assert.rejects(Identities.open(subjects), { code: "OWH_BAD_CONFIG" });
  assert.equal(readFileSync(damaged, "utf8"), "{");
});
