/** OpenWhisk action: merges what the branches found, and refuses a result in which anything is missing. */
const { createHash } = require("node:crypto");

/**
 * @param {{value: object[]}} params results of the branches, in the order of the composition
 * @returns {{segments: number, bytes: number, workers: number, digest: string} | {error: string}}
 */
function main({ value }) {
  if (!Array.isArray(value) || value.length === 0) return { error: "combine needs the results of the branches." };
  const failed = value.findIndex((result) => result?.error !== undefined);
  if (failed >= 0) return { error: `Branch ${failed} failed.` };
  const misplaced = value.findIndex((result, i) => result?.position !== i);
  if (misplaced >= 0) return { error: `The result of branch ${misplaced} is missing or out of place.` };
  const bytes = value.reduce((sum, result) => sum + result.bytes, 0);
  if (bytes !== value[0].totalBytes) return { error: `The segments have ${bytes} bytes, the text had ${value[0].totalBytes}.` };
  const digest = createHash("sha256");
  for (const { sha256, checksum } of value) digest.update(sha256).update(checksum);
  const workers = value.reduce((sum, result) => sum + result.workers, 0);
  return { segments: value.length, bytes, workers, digest: digest.digest("hex") };
}

exports.main = main;
