/** The process `harvest-sidecar`: the sidecar beside a cluster, until a signal ends it. */
import { runProcess } from "@openwhisk-harvest/core";
import { destination, pino } from "pino";
import { runSidecar } from "./run.js";

const HELP = `Usage: harvest-sidecar [--config <file>] [--set <path=value>]...

Decides for the compositions of an OpenWhisk (docs/beside-your-cluster.md). Needs redis.url and sidecar.apihost (or openwhisk.apihost).
Options come from a file (YAML or JSON), the environment and --set; later ones win. SIGTERM stops it.
`;

await runProcess(HELP, (config) => runSidecar({ config, logger: pino({ level: config.logLevel }, destination({ fd: 2, sync: true })) }));
