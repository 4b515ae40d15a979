/**
 * The page of all benches: a head and a section for each. A bench that was not run now keeps the section that it has.
 */

const SECTION = /^## (.+)$/m;

/** The sections of a page by title, each from its heading to the next. */
export function sectionsOf(page: string): ReadonlyMap<string, string> {
  const parts = page.split(/^(?=## )/m).filter((part) => SECTION.test(part));
  return new Map(parts.map((part) => [SECTION.exec(part)?.[1] ?? "", `${part.trimEnd()}\n`]));
}

/**
 * `titles` in the order of the page; titles with no section, new or old, are left out, and so are old ones that are not
 * named.
 */
export function pageOf(head: string, titles: readonly string[], written: ReadonlyMap<string, string>, before: string): string {
  const old = sectionsOf(before);
  const sections = titles.flatMap((title) => written.get(title) ?? old.get(title) ?? []);
  return [head, ...sections].join("\n");
}
