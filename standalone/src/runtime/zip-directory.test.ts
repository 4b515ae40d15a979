import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { zipSync } from "fflate";
import { centralDirectory } from "./zip-directory.js";

const UNIX = 3;

test("modes of Unix archives are told, and nothing is said of others'", () => {
  const bytes = Buffer.from(
    zipSync({
      "run.sh": [new Uint8Array([1]), { os: UNIX, attrs: 0o100755 << 16 }],
      "ärger.txt": [new Uint8Array([1]), { os: UNIX, attrs: 0o100600 << 16 }],
      "dos.bat": [new Uint8Array([1]), { os: 0, attrs: 0o755 << 16 }],
    }),
  );
  const expected = [{ name: "run.sh", unixMode: 0o100755 }, { name: "ärger.txt", unixMode: 0o100600 }, { name: "dos.bat" }];
  assert.deepEqual(centralDirectory(bytes), expected);
  const comment = Buffer.from("a comment");
  const commented = Buffer.concat([bytes, comment]);
  commented.writeUInt16LE(comment.length, bytes.length - 2);
  assert.deepEqual(centralDirectory(commented), expected);
});

test("whatever the bytes are, they are read or not, and never out of bounds", () => {
  const whole = Buffer.from(zipSync({ a: [new Uint8Array(9), { os: UNIX, attrs: 0o755 << 16 }], b: new Uint8Array(3) }));
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(whole.length), (changes, length) => {
      const broken = Buffer.from(whole);
      for (const [at, byte] of changes) broken[at] = byte;
      centralDirectory(broken.subarray(0, length));
      centralDirectory(broken);
    }),
    { numRuns: 500 },
  );
});
