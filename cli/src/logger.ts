import pino, { type Logger } from "pino";

/** Logs go to standard error: standard output belongs to what the verb prints. */
export function loggerFor(level: string): Logger {
  return pino(
    { level, redact: ["authorization", "auth", "*.auth", "url", "*.authkey", "*.api_key"] },
    pino.destination({ fd: 2, sync: true }),
  );
}
