/**
 * Rounds of arms: in every round each arm runs once with the same input, each round begins with another arm, so that what drifts on
 * the machine meets all of them alike. Deterministic.
 */

/** What one round measured, by arm. */
export type Round<A extends string> = Readonly<Record<A, number>>;

export function orderOf<A>(arms: readonly A[], round: number): A[] {
  return arms.map((_, i) => arms[(i + round) % arms.length] as A);
}

/** The arms one after another, in the order of the round. */
export async function runRound<A extends string>(
  arms: readonly A[],
  round: number,
  measure: (arm: A) => Promise<number>,
): Promise<Round<A>> {
  const measured = {} as Record<A, number>;
  for (const arm of orderOf(arms, round)) measured[arm] = await measure(arm);
  return measured;
}
