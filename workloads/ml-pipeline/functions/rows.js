/** How rows travel between the functions: numbers as little-endian bytes in base64, a third larger than the bytes themselves. */

const encodeFloats = (values) => Buffer.from(Float32Array.from(values).buffer).toString("base64");
const encodeBytes = (values) => Buffer.from(values).toString("base64");
const decodeBytes = (text) => new Uint8Array(Buffer.from(text, "base64"));

/** A copy, because the decoder's own buffer need not begin at a multiple of four bytes. */
const decodeFloats = (text) => new Float32Array(decodeBytes(text).slice().buffer);

/** @returns {number[][]} rows of `columns` values each */
function toRows(values, columns) {
  const rows = [];
  for (let from = 0; from < values.length; from += columns) rows.push(Array.from(values.subarray(from, from + columns)));
  return rows;
}

module.exports = { encodeFloats, encodeBytes, decodeBytes, decodeFloats, toRows };
