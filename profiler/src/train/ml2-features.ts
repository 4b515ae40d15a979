/**
 * What ML2 is told of a function: its predicted input size and which function it is, as Appendix B's index f says; or the size
 * alone, as the same formulas spell it out, one model for all functions. Ours is the former; the latter stays for comparison.
 */
import type { TrainingRows } from "./trainer.js";

export const ML2_FEATURES = ["size-and-ordinal", "size"] as const;
export type Ml2Features = (typeof ML2_FEATURES)[number];

/** Rows without their second column, the ordinal: models of them are asked with it all the same, and do not look. */
export function sizeOnly({ x, y }: TrainingRows): TrainingRows {
  return { x: x.map(([bytes]) => [bytes as number]), y };
}
