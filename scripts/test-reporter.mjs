/**
 * The reporter in the process of one test file: node:test's own words on standard output, and for scripts/test-runner.mjs one line of JSON
 * for each verdict, in the file that HARVEST_TEST_VERDICTS names. What is written there stays when the process is killed.
 */
import { appendFileSync } from "node:fs";
import { Readable } from "node:stream";
import { spec as Spec } from "node:test/reporters";

/** node:test's counts at the end of each file; the runner counts over all of them. */
const COUNTS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* report(events) {
  yield* Readable.from(withVerdicts(events)).compose(new Spec());
}

async function* withVerdicts(events) {
  for await (const event of events) {
    const { type, data } = event;
    if (type === "test:pass" || type === "test:fail") keep(type === "test:pass", data);
    if (!(type === "test:diagnostic" && data.nesting === 0 && COUNTS.test(data.message))) yield event;
  }
}

function keep(passed, { name, skip, todo, details }) {
  const verdict = { name, passed, isSuite: details?.type === "suite", ...reason("skip", skip), ...reason("todo", todo) };
  appendFileSync(process.env.HARVEST_TEST_VERDICTS, `${JSON.stringify(verdict)}\n`);
}

/** node:test gives the text, or true where there is none. */
function reason(key, given) {
  return given === undefined || given === false ? {} : { [key]: given === true ? "no reason is given" : String(given) };
}
