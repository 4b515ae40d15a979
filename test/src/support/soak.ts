/** How many cases a test takes: few in everyday runs, all with HARVEST_SOAK=1. */
export function casesOf(everyDay: number, all: number): number {
  return process.env["HARVEST_SOAK"] === "1" ? all : everyDay;
}
