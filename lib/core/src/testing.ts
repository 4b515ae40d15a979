/** For the tests of all rooms. */

/** `npm run soak`: tests whose size can be chosen do all that they can. */
export const isSoak = process.env["HARVEST_SOAK"] === "1";

/** How many cases such a test runs: all of them in a soak, this share of them in everyday runs. `scripts/test.mjs` knows them by this call. */
export function casesOf(all: number, everyDayShare = 0.1): number {
  return isSoak ? all : Math.ceil(all * everyDayShare);
}
