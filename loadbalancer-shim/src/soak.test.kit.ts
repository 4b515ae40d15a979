/** How many cases a soak-capable test runs: a twenty-fifth in everyday runs, all of them with HARVEST_SOAK=1 (`npm run soak`). */
export function casesOf(all: number): number {
  return process.env["HARVEST_SOAK"] === "1" ? all : Math.ceil(all / 25);
}
