/** Exit status of a bench that needs what is not here. */
export const SKIPPED = 2;

/** Runs every bench, whatever becomes of the others. `run` answers the exit status of its process, null when a signal ended it. */
export function eachApart(names: readonly string[], run: (name: string) => number | null): { broken: string[]; skipped: string[] } {
  const ended = names.map((name) => ({ name, status: run(name) }));
  const skipped = ended.filter(({ status }) => status === SKIPPED).map(({ name }) => name);
  const broken = ended.filter(({ status }) => status !== 0 && status !== SKIPPED).map(({ name }) => name);
  return { broken, skipped };
}
