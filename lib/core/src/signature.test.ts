/** Rules signature.T1 to signature.T3: nothing that a claim says can be changed under its signature. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import type { PublishedAllocation } from "./decision.js";
import {
  type AllocationClaim,
  isSignedFor,
  newSigningSecret,
  signAllocation,
  signFields,
  signingKeyOf,
  verifyAllocation,
} from "./signature.js";

const key = signingKeyOf("00".repeat(32));
const ROOT = "a".repeat(32);
const run = { root: ROOT, trail: [{ forkPath: "[1]", forkNo: 0, position: 2 }], astPath: "[1][2]" };
const allocation: PublishedAllocation = { v: 1, cpuCores: 1.5, memoryMb: 512, decision: `${ROOT}-1`, namespace: "guest", epoch: 1 };

const amount = fc.option(fc.double({ min: 0.001, max: 1e6, noNaN: true }), { nil: undefined });
const claims: fc.Arbitrary<AllocationClaim> = fc
  .record({
    decision: fc.string({ unit: "binary" }),
    namespace: fc.string({ unit: "binary" }),
    root: fc.string(),
    field: fc.string(),
    epoch: fc.nat(),
    cpuCores: amount,
    memoryMb: amount,
    workCoreMs: amount,
  })
  .map(({ cpuCores, memoryMb, workCoreMs, ...rest }) => ({
    ...rest,
    ...(cpuCores === undefined ? {} : { cpuCores }),
    ...(memoryMb === undefined ? {} : { memoryMb }),
    ...(workCoreMs === undefined ? {} : { workCoreMs }),
  }));

describe("signatures", () => {
  it("hold for the very claim that was signed, and are known: HMAC-SHA-256 over the claim's JSON", () => {
    const claim = { ...allocation, root: ROOT, field: "[1][2]" };
    const signature = signAllocation(key, claim);
    assert.ok(verifyAllocation(key, claim, signature));
    // openssl dgst -sha256 -mac HMAC -macopt hexkey:00...00 -binary | basenc --base64url, of
    // ["harvest-allocation-1","aaa...-1","guest","aaa...","[1][2]",1.5,512,null,1]
    assert.equal(signature, "zJsuB6DJ2ZNr9qZDFPZXSGWb_mNiUuvdqOh_1v5Ibgg");
  });

  it("hold for no other claim (signature.T2)", () => {
    fc.assert(
      fc.property(claims, claims, (one, other) => {
        fc.pre(JSON.stringify(Object.entries(one).sort()) !== JSON.stringify(Object.entries(other).sort()));
        return !verifyAllocation(key, other, signAllocation(key, one));
      }),
    );
  });

  it("hold for no claim of which one part was changed (signature.T2)", () => {
    const claim = { ...allocation, root: ROOT, field: "[1][2]" };
    const signature = signAllocation(key, claim);
    const changes: Partial<AllocationClaim>[] = [
      { cpuCores: 2 },
      { memoryMb: 1024 },
      { workCoreMs: 10 },
      { decision: `${ROOT}-2` },
      { namespace: "stranger" },
      { root: "b".repeat(32) },
      { field: "[1][1]" },
      { epoch: 2 },
    ];
    for (const change of changes) assert.equal(verifyAllocation(key, { ...claim, ...change }, signature), false, JSON.stringify(change));
    const { cpuCores: _left, ...withoutCpu } = claim;
    assert.equal(verifyAllocation(key, withoutCpu, signature), false, "an amount was left out");
  });

  it("hold under no other secret (signature.T1)", () => {
    const claim = { ...allocation, root: ROOT, field: "[1][2]" };
    assert.equal(verifyAllocation(signingKeyOf(newSigningSecret()), claim, signAllocation(key, claim)), false);
  });

  it("are refused in any other form (signature.T1)", () => {
    const claim = { ...allocation, root: ROOT, field: "[1][2]" };
    const signature = signAllocation(key, claim);
    for (const forged of [undefined, null, 1, "", "x", [signature], { signature }, `${signature}=`, signature.slice(1), "é".repeat(43)])
      assert.equal(verifyAllocation(key, claim, forged), false, inspect(forged));
  });
});

describe("an allocation shown by a run", () => {
  const published = (field: string) => signFields(key, ROOT, { [field]: allocation })[field] as PublishedAllocation;

  it("is the run's under each field in which the run may find it", () => {
    for (const field of ["[1].0#2/[1][2]", "[1][2]#2", "[1][2]"]) assert.ok(isSignedFor(key, run, published(field)), field);
  });

  it("is not the run's when it was given to another branch, item, round or root run", () => {
    for (const field of ["[1].0#1/[1][1]", "[1][2]#1", "[1][1]", "[1].1#2/[1][2]"])
      assert.equal(isSignedFor(key, run, published(field)), false, field);
    assert.equal(isSignedFor(key, { ...run, root: "c".repeat(32) }, published("[1][2]")), false);
  });

  it("holds for no run without a signature", () => assert.equal(isSignedFor(key, run, allocation), false));
});

describe("the signing secret", () => {
  it("is read with the white space of a file around it", () => {
    const secret = newSigningSecret();
    assert.ok(signingKeyOf(` ${secret}\n`).equals(signingKeyOf(secret)));
  });

  it("is refused when it is short or no hexadecimal number, and never repeated", () => {
    for (const text of ["", "00".repeat(31), "secret".repeat(20), `${"00".repeat(32)}0`])
      assert.throws(
        () => signingKeyOf(text),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "OWH_BAD_CONFIG");
          assert.ok(text === "" || !error.message.includes(text));
          return true;
        },
      );
  });

  it("shows itself neither in JSON nor when it is logged", () => {
    const secret = newSigningSecret();
    const shown = JSON.stringify({ key: signingKeyOf(secret) }) + inspect(signingKeyOf(secret), { depth: 9, showHidden: true });
    assert.doesNotMatch(shown, new RegExp(secret));
  });
});
