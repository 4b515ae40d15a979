/** activation-logs.L3 and activation-logs.L4: what an action prints costs what it weighs, and holds nothing else up. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { eventually } from "@openwhisk-harvest/testkit";
import { type Neighbours, startNeighbours } from "./neighbours.kit.js";

const MB = 1024 * 1024;
const ALLOWED_MB = 100;

const SHORT_LINES = `function main({ mb }) {
  const lines = Buffer.from('x\\n'.repeat(1 << 19));
  for (let i = 0; i < mb; i++) process.stdout.write(lines);
  return { printed: mb };
}`;
const ONE_LINE = SHORT_LINES.replace("'x\\n'", "'xx'");
const SENTINELS = SHORT_LINES.replace("'x\\n'", "'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\\n'").replace("1 << 19", "1 << 14");

const ATTACKS: readonly (readonly [what: string, code: string, mb: number])[] = [
  ["ten megabytes of lines of two bytes", SHORT_LINES, 10],
  ["thirty megabytes of them, of which most are over the limit", SHORT_LINES, 30],
  ["thirty megabytes without an end of line", ONE_LINE, 30],
  ["sentinels", SENTINELS, 30],
];

let neighbours: Neighbours;
before(async () => {
  neighbours = await startNeighbours();
  await neighbours.assertUnharmed();
});
after(() => neighbours.close());

for (const [what, code, mb] of ATTACKS)
  test(`an action that prints ${what} ends as it would, and its neighbour is answered meanwhile`, async (t) => {
    const beforeBytes = process.memoryUsage.rss();
    let isOver = false;
    const attack = neighbours.attack({ code, params: { mb } }).finally(() => {
      isOver = true;
    });
    let answers = 0;
    let longestMs = 0;
    while (!isOver) {
      const startMs = performance.now();
      await neighbours.assertUnharmed();
      longestMs = Math.max(longestMs, performance.now() - startMs);
      answers++;
    }
    assert.deepEqual(await attack, { printed: mb });
    assert.ok((await bytesOfLastLogs()) <= 10 * MB + 1_000, "no more is kept than the limit");
    await eventually(() => grownMb(beforeBytes) < ALLOWED_MB, "the server's memory is as before");
    t.diagnostic(JSON.stringify({ answers, longestMs: Math.round(longestMs), grownMb: Math.round(grownMb(beforeBytes)) }));
  });

/** Read while the neighbour is asked, too. */
async function bytesOfLastLogs(): Promise<number> {
  const [last] = (await neighbours.hostile.activations.list({ limit: 1 })) as unknown as { activationId: string }[];
  const id = last?.activationId ?? assert.fail("the attack has no record");
  const [{ logs }] = await Promise.all([
    neighbours.hostile.activations.logs({ name: id }) as unknown as Promise<{ logs: string[] }>,
    neighbours.assertUnharmed(),
  ]);
  return logs.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
}

/** Of this process, which is server and client, once what is not used any more has been collected. */
function grownMb(sinceBytes: number): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  return (process.memoryUsage.rss() - sinceBytes) / MB;
}
