/** The whole soak, with one line of JSON per part: `node standalone/dist/soak/main.test.support.js [scale]`; scale 1 is all of it. */
import { startTestStandalone } from "../standalone.test.kit.js";
import { crashUnderLoad } from "./crash.test.support.js";
import { fuzz } from "./fuzz.test.support.js";
import { blockingLoad, LOAD_FLAGS, nonBlockingLoad } from "./load.test.support.js";

const IN_FLIGHT = 64;
const BLOCKING = 5_000;
const NON_BLOCKING = 20_000;
const BEFORE_THE_CRASH = 4_000;
const REQUESTS = 20_000;

const scale = Number(process.argv[2] ?? 1);
const seed = Date.now() % 1_000_000;
const say = (part: string, report: object) => process.stdout.write(`${JSON.stringify({ part, ...report })}\n`);
const scaled = (count: number) => Math.max(1, Math.round(count * scale));

const server = await startTestStandalone(LOAD_FLAGS);
try {
  say("blocking", await blockingLoad(server, { invocations: scaled(BLOCKING), inFlight: IN_FLIGHT }));
  say("non-blocking", await nonBlockingLoad(server, { invocations: scaled(NON_BLOCKING), inFlight: IN_FLIGHT }));
  say("fuzz", { seed, ...(await fuzz(server, { requests: scaled(REQUESTS), seed })) });
} finally {
  await server.close();
}
say("crash", await crashUnderLoad({ acknowledgements: scaled(BEFORE_THE_CRASH) }));
