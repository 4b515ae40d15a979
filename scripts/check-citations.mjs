/**
 * Holds citations and links to what they name. Arguments are the files to look at; all of the repository without.
 *
 * citations.1  `(architecture, 5)`, `(openwhisk-protocol, 4.2 and 6)`, in any text file: a page of docs/design, and a numbered section of it. A numbered
 *              item of a list is a section, too: item 20 of 2.8 is 2.8.20.
 *              Notes that are not in the repository cannot be cited.
 * citations.2  `pitfall 20` is an item of openwhisk-protocol, 2.8.
 * citations.3  `(paper, 3.5.2)`, `(paper, Algorithm 2)` stand in the table of architecture, 10.
 * citations.4  `section 2.7` in a page of docs/design is a section of the same page.
 * citations.5  A link in a page leads to a file of the repository, and its fragment to a heading there.
 * citations.6  A path that a page names as code (`lib/core/src/grid.ts`) is there.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { byHand, withoutBlocks } from "./page-commands.mjs";
import { report } from "./report-breaches.mjs";
import { repositoryFiles } from "./repository-files.mjs";

const DESIGN = "docs/design";
const TEXT = /\.(ts|js|mjs|cjs|py|sh|md|json|ya?ml|html)$|Dockerfile$/;
const LEFT_OUT = /^(package-lock\.json|workloads\/.*\.(csv|json))$/;

const files = repositoryFiles(TEXT).filter((file) => !LEFT_OUT.test(file));
const folders = new Set(files.flatMap((file) => file.split("/").slice(0, -1)[0] ?? []));
const pages = files.filter((file) => file.endsWith(".md"));
const design = new Map(
  pages.filter((page) => dirname(page) === DESIGN).map((page) => [basename(page, ".md"), sectionsOf(readFileSync(page, "utf8"))]),
);
const paper = namesOfPaper(readFileSync(`${DESIGN}/architecture.md`, "utf8"));

const looked = process.argv.length > 2 ? process.argv.slice(2) : files;
const breaches = looked.flatMap((file) => {
  const text = byHand(readFileSync(file, "utf8"));
  const found = [...designCitations(text), ...paperCitations(text), ...(file.endsWith(".md") ? pageBreaches(file, text) : [])];
  return found.map((breach) => `${file}: ${breach}`);
});
report(breaches, `citations and links of ${looked.length} files lead somewhere`);

/** The numbers of a page's sections, those of list items below a numbered heading included. */
function sectionsOf(text) {
  const sections = new Set();
  let current = "";
  for (const line of withoutBlocks(text).split("\n")) {
    const heading = /^#{2,4} (\d+(?:\.\d+)*[a-z]?)\.? /.exec(line);
    if (heading) current = heading[1];
    else if (/^#/.test(line)) current = "";
    const item = /^(\d+)\. /.exec(line);
    if (heading) sections.add(current);
    else if (item && current) sections.add(`${current}.${item[1]}`);
  }
  return sections;
}

function* designCitations(text) {
  const flat = flattened(text);
  const name = [...design.keys()].join("|");
  for (const [cited, page, numbers] of flat.matchAll(new RegExp(`\\b(${name}), (\\d[\\d.a-z]*(?:(?:,| and| to) \\d[\\d.a-z]*)*)`, "g")))
    for (const number of numbers.match(/\d+(?:\.\d+)*[a-z]?/g))
      if (!design.get(page).has(number)) yield `"${cited}": ${DESIGN}/${page}.md has no section ${number} (citations.1)`;
  for (const [cited] of flat.matchAll(/\bDESIGN,? sections? \d|\breference, (?:2\.8, )?(?:pitfalls?|sections?) \d/g))
    yield `"${cited}" is no page of ${DESIGN} (citations.1)`;
  for (const [cited, numbers] of flat.matchAll(/\bpitfalls? (\d+(?:(?:,| and) \d+)*)/g))
    for (const number of numbers.match(/\d+/g))
      if (!design.get("openwhisk-protocol").has(`2.8.${number}`)) yield `"${cited}" is not in openwhisk-protocol, 2.8 (citations.2)`;
}

/** What the table of architecture, 10 has in its first column. */
function namesOfPaper(text) {
  const table = text.slice(text.indexOf("| cited as |"));
  return new Set([...table.matchAll(/^\| ([^|]+) \|/gm)].flatMap(([, names]) => names.split(", ").map((one) => one.trim())));
}

function* paperCitations(text) {
  const one = "(?:\\d+(?:\\.\\d+)+|(?:Algorithm|Table|Figure|Appendix) [\\dA-Z][\\d.]*\\d?)";
  for (const [cited, names] of flattened(text).matchAll(new RegExp(`\\bpaper, (${one}(?:(?:,| and) ${one})*)`, "g")))
    for (const name of names.match(new RegExp(one, "g")))
      if (!paper.has(name.replace(/\.$/, ""))) yield `"${cited}" is not in the table of architecture, 10 (citations.3)`;
}

function* pageBreaches(file, text) {
  const prose = withoutBlocks(text);
  const own = dirname(file) === DESIGN ? design.get(basename(file, ".md")) : undefined;
  if (own)
    for (const [cited, number] of prose.matchAll(/\bsections? (\d+(?:\.\d+)*[a-z]?)/g))
      if (!own.has(number)) yield `"${cited}" is not in this page (citations.4)`;
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, fragment] = target.split("#");
    const there = path === "" ? file : normalize(join(dirname(file), path));
    if (!existsSync(there)) yield `the link to ${target} (citations.5)`;
    else if (fragment !== undefined && !anchorsOf(readFileSync(there, "utf8")).has(fragment))
      yield `the heading of the link to ${target} (citations.5)`;
  }
  for (const [, path] of prose.matchAll(/`([\w.-]+\/[\w./-]*)`/g))
    if (folders.has(path.split("/")[0]) && !existsSync(path) && !isMade(path)) yield `the path ${path} (citations.6)`;
}

/** What a build or a program makes is ignored by git. */
function isMade(path) {
  return spawnSync("git", ["check-ignore", "--quiet", path]).status === 0;
}

/** The anchors that GitHub gives a page's headings. */
function anchorsOf(text) {
  return new Set(
    [...withoutBlocks(text).matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

/** Comments run over lines. */
function flattened(text) {
  return text.replace(/\n\s*(?:\*|\/\/|#)? ?/g, " ");
}
