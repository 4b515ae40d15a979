/** OpenWhisk action: cuts a text into three segments of very different size, for three branches. */

/** Shares of the segments. The skew is what makes one branch the straggler of its stage. */
const SHARES = [1, 3, 6];

/** The nearest place at or after `index` where a word begins; `index` itself, off a surrogate pair, in a text without blanks. */
function wordStart(text, index) {
  const blank = text.slice(index).search(/\s\S/);
  if (blank >= 0) return index + blank + 1;
  const unit = text.charCodeAt(index);
  return unit >= 0xdc00 && unit <= 0xdfff ? index + 1 : index;
}

/** @param {{text: string}} params @returns {{segments: string[], bytes: number} | {error: string}} */
function main({ text }) {
  if (typeof text !== "string" || text.length === 0) return { error: "split needs a text that is not empty." };
  const whole = SHARES.reduce((sum, share) => sum + share, 0);
  const segments = [];
  let from = 0;
  let shares = 0;
  for (const share of SHARES) {
    shares += share;
    const to = shares === whole ? text.length : Math.max(from, wordStart(text, Math.floor((text.length * shares) / whole)));
    segments.push(text.slice(from, to));
    from = to;
  }
  return { segments, bytes: Buffer.byteLength(text) };
}

exports.main = main;
