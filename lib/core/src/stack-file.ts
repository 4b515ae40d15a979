/**
 * The file `stack.json` by which a stack that runs on this machine is found: its addresses and a key, in its data folder, readable by
 * its owner only. It is written by the stack and taken away when the stack ends.
 */
import { join } from "node:path";
import { z } from "zod";

export const stackFileSchema = z.object({
  /** Of the stack: a file whose process is gone was left behind. */
  pid: z.int(),
  apihost: z.string(),
  auth: z.string(),
  namespace: z.string(),
  sidecar: z.string(),
  redis: z.string(),
  /** Absent where documents are kept in the data folder. */
  couchdb: z.string().optional(),
  dataDir: z.string(),
});
export type StackFile = z.infer<typeof stackFileSchema>;

export function stackFileIn(dataDir: string): string {
  return join(dataDir, "stack.json");
}
