/** `npm run soak`: tests whose size can be chosen do all that they can. */
export const isSoak = process.env["HARVEST_SOAK"] === "1";

/** How many cases such a test runs: all of them in a soak, this share of them in everyday runs. `scripts/test.mjs` knows its files by this call. */
export function casesOf(all: number, everydayShare = 0.1): number {
  return isSoak ? all : Math.ceil(all * everydayShare);
}
