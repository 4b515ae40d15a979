import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

export interface MemoryNow {
  /** The whole process, with mapped pages. */
  readonly rssMb: number;
  readonly heapMb: number;
}

const MB = 2 ** 20;

/** Of this process after a collection, which needs no --expose-gc. */
export function memoryNow(): MemoryNow {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { rss, heapUsed } = process.memoryUsage();
  return { rssMb: rss / MB, heapMb: heapUsed / MB };
}
