/** Every bench of the house: what it is called, what it does not measure, and how it is run. */
import { writeFileSync } from "node:fs";
import { PAPER_INPUTS, renderEvaluationPage } from "@openwhisk-harvest/profiler";
import { accuracyTables, benchAccuracy } from "./accuracy.js";
import { benchAgents } from "./agents.js";
import { benchBus } from "./bus.js";
import { benchDecision } from "./decision.js";
import { benchDemo, demoTable } from "./demo-runs.js";
import { benchInvocation } from "./invocation.js";
import { benchLease } from "./lease.js";
import { benchAesLoad, benchNaps, benchNapsInDocker } from "./load/clients.js";
import { benchRates, FULL_RATES, QUICK_RATES } from "./load/rates.js";
import { benchChain, benchProfileStore, benchTrainers } from "./models/report.js";
import { benchMonitor } from "./monitor.js";
import { benchOracle, FULL_ORACLE, oracleTable, QUICK_ORACLE } from "./oracle.js";
import { benchPlacements, benchSideBySide } from "./placement.js";
import { markdownTable } from "./statistics.js";
import { benchUnderPrediction, underPredictionTable } from "./under-prediction.js";

export interface BenchOptions {
  /** Measure less of what takes long. */
  readonly quick: boolean;
  /** Pages are written, not only printed. */
  readonly write: boolean;
}

export interface Bench {
  /** Its heading in docs/benchmarks.md. */
  readonly title: string;
  readonly notMeasured: string;
  /** Measures, and answers Markdown. */
  run(options: BenchOptions): Promise<string>;
}

/** For benches that take long: each row as soon as there is one. */
const onRow = (row: string) => void process.stderr.write(`${row}\n`);

/** What `npm run bench` takes besides names. */
export const BENCH_FLAGS: readonly string[] = ["--quick", "--write"];

/** In the order of the page, by the names that `npm run bench` takes. */
export const BENCHES: Readonly<Record<string, Bench>> = {
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
  load: {
    title: "Compositions under load on the embedded OpenWhisk",
    notMeasured: "clients on other machines: they share the server's process and cores here; several namespaces",
    run: ({ quick }) => benchNaps({ quick, onRow }),
  },
  "load-docker": {
    title: "Compositions under load in Docker containers",
    notMeasured: "clients on other machines; containers that are kept for longer than the load",
    run: ({ quick }) => benchNapsInDocker({ quick, onRow }),
  },
  "load-aes": {
    title: "Parallel AES under load on the embedded OpenWhisk",
    notMeasured: "clients on other machines; several namespaces",
    run: ({ quick }) => benchAesLoad({ quick, onRow }),
  },
  loads: {
    title: "The paper's loads, with and without harvesting",
    notMeasured: "clients that come again, Docker containers; each load once, so small differences mean nothing",
    run: ({ quick }) => benchRates(quick ? QUICK_RATES : FULL_RATES, (line) => void process.stderr.write(`${line}\n`)),
  },
  lease: {
    title: "From a donor's limit to its receiver's",
    notMeasured: "a node agent's node, a Redis on another machine, other stages at the same time",
    run: async ({ quick }) => markdownTable(await benchLease(quick ? 10 : 100)),
  },
  monitor: {
    title: "Monitor",
    notMeasured: "groups whose processes work: the sampled ones sleep",
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
    run: async ({ quick }) => underPredictionTable(await benchUnderPrediction(quick ? { inputs: 1, rounds: 3 } : { inputs: 3, rounds: 8 })),
  },
  oracle: {
    title: "Against the best split of all",
    notMeasured: "requests in parallel, splits that leave some of the budget unused or move while the stage runs, memory",
    run: async ({ quick }) =>
      oracleTable(await benchOracle(quick ? QUICK_ORACLE : FULL_ORACLE, (line) => void process.stderr.write(`${line}\n`))),
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
    run: ({ quick }) => benchProfileStore(quick ? 50_000 : 1_000_000),
  },
  accuracy: {
    title: "Accuracy on live profiles",
    notMeasured: "a host with more cores and the paper's grid; other inputs than the generators'",
    run: async ({ quick, write }) => {
      const results = await benchAccuracy(accuracyRuns(quick), (line) => void process.stderr.write(`${line}\n`));
      if (write)
        writeFileSync(new URL("../../docs/accuracy.html", import.meta.url), renderEvaluationPage(results.map((r) => r.evaluation)));
      return `${accuracyTables(results)}\n\nThe figures of chapter 4.3 and Appendix C: [accuracy.html](accuracy.html).`;
    },
  },
  agents: {
    title: "Agents in containers of the stock images' shape",
    notMeasured: "the stock images themselves, log lines of the function, large payloads, other runs on the node",
    run: async ({ quick }) => markdownTable(await benchAgents(quick ? 100 : 1_000)),
  },
  demo: {
    title: "Demo, three quick runs",
    notMeasured: "other workflows, requests in parallel, another host",
    run: async () => demoTable(await benchDemo(3)),
  },
};

/** As many inputs as the paper evaluates with HARVEST_SOAK=1. */
function accuracyRuns(quick: boolean): number {
  if (process.env["HARVEST_SOAK"] === "1") return PAPER_INPUTS;
  return quick ? 15 : 60;
}
