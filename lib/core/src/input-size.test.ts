import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inputBytesOf } from "./input-size.js";

describe("input size", () => {
  it("is the length of the JSON in bytes, without our own keys", () => {
    assert.equal(inputBytesOf({ text: "é" }), Buffer.byteLength('{"text":"é"}'));
    assert.equal(inputBytesOf({ a: 1, $composer: { session: "x" }, $harvest: { k: "y" } }), '{"a":1}'.length);
    assert.equal(inputBytesOf([1, 2]), 5);
    assert.equal(inputBytesOf(undefined), 2);
  });

  it("is what $bytes says, when that is a size", () => {
    assert.equal(inputBytesOf({ $bytes: 1e9, url: "s3://x" }), 1e9);
    assert.equal(inputBytesOf({ $bytes: -1 }), '{"$bytes":-1}'.length);
    assert.equal(inputBytesOf({ $bytes: "9" }), '{"$bytes":"9"}'.length);
  });
});
