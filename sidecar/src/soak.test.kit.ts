/** How many cases a property test runs: a tenth in everyday runs, all of them with HARVEST_SOAK=1. */
export function casesOf(all: number): number {
  return process.env["HARVEST_SOAK"] === "1" ? all : Math.ceil(all / 10);
}
