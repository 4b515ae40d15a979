/** What the tests of containers and invokers share. */
export { eventually } from "@openwhisk-harvest/testkit";

import type { Logger } from "./logger.js";

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Keeps warnings and errors, so that a test can say that there were none. */
export function recordingLogger(): Logger & { readonly complaints: string[] } {
  const complaints: string[] = [];
  const keep = (fields: object, message: string) => {
    complaints.push(`${message} ${JSON.stringify(fields)}`);
  };
  return { complaints, debug: () => undefined, info: () => undefined, warn: keep, error: keep };
}
