/** The log of a server that was given none: JSON lines on standard error, so that standard output is a program's own. */
import type { Config } from "@openwhisk-harvest/core";
import { destination, pino } from "pino";
import type { Logger } from "./container/logger.js";

/** Never in a log, in whatever object they may come along. */
const SECRETS = ["authkey", "api_key", "auth", "authorization", "content", "payload", "params", "result", "code"];
const STANDARD_ERROR = 2;

export function createLogger(level: Config["logLevel"]): Logger {
  const paths = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);
  return pino({ name: "standalone", level, redact: { paths, censor: "[redacted]" } }, destination({ dest: STANDARD_ERROR, sync: true }));
}
