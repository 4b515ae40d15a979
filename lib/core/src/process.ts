/** What every process of ours needs of the system's: to hear that it shall stop, and whether another one is still there. */
import { once } from "node:events";

/** Resolves at the next SIGINT or SIGTERM. Unless it is called again then, the one after that ends the process at once. */
export async function stopSignal(): Promise<void> {
  const first = new AbortController();
  const heard = (["SIGINT", "SIGTERM"] as const).map((name) => once(process, name, { signal: first.signal }));
  await Promise.race(heard);
  first.abort();
  await Promise.allSettled(heard);
}

/** A process of another user counts: it may not be signalled, but is there. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}
