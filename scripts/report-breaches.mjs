/** Ends a check: every breach on standard error with exit status 1, or one line that says what holds. */
export function report(breaches, whatHolds) {
  for (const breach of breaches) console.error(breach);
  if (breaches.length === 0) console.log(`ok: ${whatHolds}`);
  else console.error(`error: ${breaches.length} breaches`);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
