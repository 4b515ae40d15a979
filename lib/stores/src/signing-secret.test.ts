import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { loadConfig, newSigningSecret, signingKeyOf } from "@openwhisk-harvest/core";
import { signingKeyFor } from "./signing-secret.js";

const folder = mkdtempSync(join(tmpdir(), "harvest-secret-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const config = (dataDir: string, ...flags: string[]) => loadConfig({ flags: [`dataDir=${join(folder, dataDir)}`, ...flags] });

test("a secret is made once, readable by its owner only, and found again", () => {
  const first = signingKeyFor(config("made"));
  const { mode } = statSync(join(folder, "made", "signing-secret"));
  assert.equal(mode & 0o777, 0o600);
  assert.ok(signingKeyFor(config("made")).equals(first));
  assert.ok(!signingKeyFor(config("other")).equals(first), "another deployment has another secret");
});

test("a configured file is read and never made", () => {
  const file = join(folder, "given");
  assert.throws(() => signingKeyFor(config("x", `signing.secretFile=${file}`)), { code: "OWH_BAD_CONFIG" });
  const secret = newSigningSecret();
  writeFileSync(file, secret);
  assert.ok(signingKeyFor(config("x", `signing.secretFile=${file}`)).equals(signingKeyOf(secret)));
});

test("what is no secret is refused without repeating it", () => {
  const file = join(folder, "bad");
  writeFileSync(file, "hunter2");
  assert.throws(
    () => signingKeyFor(config("x", `signing.secretFile=${file}`)),
    (error: Error & { code?: string }) => {
      assert.equal(error.code, "OWH_BAD_CONFIG");
      assert.doesNotMatch(error.message, new RegExp(readFileSync(file, "utf8")));
      return true;
    },
  );
});
