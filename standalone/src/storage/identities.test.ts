import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { FileSubjects } from "./file-subjects.js";
import { Identities } from "./identities.js";

const folder = mkdtempSync(join(tmpdir(), "owh-identities-"));
after(() => rmSync(folder, { recursive: true }));

test("the first start makes a guest with a key of OpenWhisk's form, which only the owner can read", async () => {
  const file = join(folder, "data", "identities.json");
  const { guest } = await Identities.open(new FileSubjects(file));
  assert.match(guest.authkey, /^[0-9a-f-]{36}:[A-Za-z0-9]{64}$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(statSync(join(folder, "data")).mode & 0o777, 0o700);
  assert.deepEqual((await Identities.open(new FileSubjects(file))).guest, guest, "later starts find it again");
  assert.notEqual(
    (await Identities.open(new FileSubjects(join(folder, "other.json")))).guest.authkey,
    guest.authkey,
    "no two installations share a key",
  );
});

test("only the whole key authenticates", async () => {
  const identities = await Identities.open(new FileSubjects(join(folder, "auth.json")));
  const key = identities.guest.authkey;
  assert.equal(identities.authenticate(key), identities.guest);
  for (const wrong of ["", ":", key.slice(0, -1), `${key}a`, key.replace(/.$/, (c) => (c === "a" ? "b" : "a")), key.split(":")[0] ?? ""])
    assert.equal(identities.authenticate(wrong), undefined);
});

test("further identities are kept, and a damaged file is named, not replaced", async () => {
  const file = join(folder, "more.json");
  const made = await (await Identities.open(new FileSubjects(file))).create("second");
  assert.deepEqual((await Identities.open(new FileSubjects(file))).authenticate(made.authkey), made);
  const damaged = join(folder, "damaged.json");
  writeFileSync(damaged, "{");
  await assert.rejects(Identities.open(new FileSubjects(damaged)), { code: "OWH_BAD_CONFIG" });
  assert.equal(readFileSync(damaged, "utf8"), "{");
});
