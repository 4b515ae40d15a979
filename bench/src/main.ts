/**
 * `npm run bench [name ...]`: measures and prints; with `--write` it also writes docs/benchmarks.md, which is never edited by hand:
 * the sections of what was measured now, the others stay.
 * With `--quick` what takes long measures less.
 * These are figures, not tests: nothing here passes or fails.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import { PAPER_INPUTS, renderEvaluationPage } from "@openwhisk-harvest/profiler";
import { accuracyTables, benchAccuracy } from "./accuracy.js";
import { benchAgents } from "./agents.js";
import { benchBus } from "./bus.js";
import { benchDecision } from "./decision.js";
import { benchDemo, demoTable } from "./demo-runs.js";
import { benchInvocation } from "./invocation.js";
import { benchChain, benchProfileStore, benchTrainers } from "./models.js";
import { benchMonitor } from "./monitor.js";
import { benchOracle, FULL_ORACLE, oracleTable, QUICK_ORACLE } from "./oracle.js";
import { pageOf } from "./pages.js";
import { benchPlacements, benchSideBySide } from "./placement.js";
import { markdownTable } from "./statistics.js";
import { benchUnderPrediction, underPredictionTable } from "./under-prediction.js";

interface Bench {
  readonly title: string;
  readonly notMeasured: string;
  run(): Promise<string>;
}

const isQuick = process.argv.includes("--quick");

const BENCHES: Readonly<Record<string, Bench>> = {
  decision: {
    title: "Decision",
    notMeasured: "verification of the key by OpenWhisk, the conductor's side of the connection, a Redis on another machine",
    run: async () => markdownTable(await benchDecision(1_000)),
  },
  invocation: {
    title: "Invocation on the embedded OpenWhisk",
    notMeasured: "concurrency, large payloads, other kinds than nodejs",
    run: async () => markdownTable(await benchInvocation(500)),
  },
  monitor: {
    title: "Monitor",
    notMeasured: "the timer that wakes the monitor up",
    run: async () => markdownTable(await benchMonitor(5_000)),
  },
  bus: {
    title: "Bus adapter",
    notMeasured: "a broker on another machine, more than one broker, real invokers, action documents in CouchDB, keys in Redis",
    run: async () => markdownTable(await benchBus(500)),
  },
  placement: {
    title: "Placement",
    notMeasured: "activations that wait, warm containers, health that changes; the sequence is drawn from a seed, not taken from users",
    run: async () => {
      const sizes = [10, 100, 1_000].map((invokers) => benchPlacements("greedy-jsq", invokers, 10));
      const rivals = (["exact", "jsq", "round-robin", "greedy-rr", "hash"] as const).map((name) => benchPlacements(name, 100, 5));
      return `${markdownTable([...sizes, ...rivals])}\n\n${benchSideBySide()}`;
    },
  },
  "under-prediction": {
    title: "Models that return half of the truth",
    notMeasured: "other workflows, requests in parallel, a sidecar or a Redis that is away at the same time",
    run: async () => underPredictionTable(await benchUnderPrediction(isQuick ? { inputs: 1, rounds: 3 } : { inputs: 3, rounds: 8 })),
  },
  oracle: {
    title: "Against the best split of all",
    notMeasured: "requests in parallel, splits that leave some of the budget unused or move while the stage runs, memory",
    run: async () => oracleTable(await benchOracle(isQuick ? QUICK_ORACLE : FULL_ORACLE, (line) => void process.stderr.write(`${line}\n`))),
  },
  training: {
    title: "Training a forest",
    notMeasured: "more than 500 rows, which the library takes too long for; several threads",
    run: benchTrainers,
  },
  inference: {
    title: "Asking the forests",
    notMeasured: "the first decisions of a model, which find less laid out; Redis, HTTP",
    run: benchChain,
  },
  storage: {
    title: "Training from a large store",
    notMeasured: "CouchDB; several writers",
    run: () => benchProfileStore(isQuick ? 50_000 : 1_000_000),
  },
  accuracy: {
    title: "Accuracy on live profiles",
    notMeasured: "a host with more cores and the paper's grid; other inputs than the generators'",
    run: async () => {
      const results = await benchAccuracy(accuracyRuns(), (line) => void process.stderr.write(`${line}\n`));
      if (process.argv.includes("--write"))
        writeFileSync(new URL("../../docs/accuracy.html", import.meta.url), renderEvaluationPage(results.map((r) => r.evaluation)));
      return `${accuracyTables(results)}\n\nThe figures of chapter 4.3 and Appendix C: [accuracy.html](accuracy.html).`;
    },
  },
  agents: {
    title: "Agents in containers of the stock images' shape",
    notMeasured: "the stock images themselves, log lines of the function, large payloads, other runs on the node",
    run: async () => markdownTable(await benchAgents(isQuick ? 100 : 1_000)),
  },
  demo: {
    title: "Demo, three quick runs",
    notMeasured: "other workflows, requests in parallel, another host",
    run: async () => demoTable(await benchDemo(3)),
  },
};

/** As many inputs as the paper evaluates with HARVEST_SOAK=1. */
function accuracyRuns(): number {
  if (process.env["HARVEST_SOAK"] === "1") return PAPER_INPUTS;
  return isQuick ? 15 : 60;
}

const names = process.argv.slice(2).filter((argument) => !argument.startsWith("--"));
const wanted = Object.entries(BENCHES).filter(([name]) => names.length === 0 || names.includes(name));
const sections = new Map<string, string>();
for (const [, bench] of wanted) {
  const section = `## ${bench.title}\n\n${await bench.run()}\n\nNot measured: ${bench.notMeasured}.\n`;
  process.stdout.write(`${section}\n`);
  sections.set(bench.title, section);
}
if (process.argv.includes("--write")) {
  const machine = `${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;
  const head = `# Benchmarks\n<!-- Written by \`npm run bench -- --write\`; do not edit. -->\n\nMachine: ${machine}. A shared, noisy machine: compare ratios, not single figures.\n`;
  const file = new URL("../../docs/benchmarks.md", import.meta.url);
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const titles = Object.values(BENCHES).map(({ title }) => title);
  writeFileSync(file, pageOf(head, titles, sections, before));
}
