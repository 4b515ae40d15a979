/**
 * The rules that stand in the headers of files (their form is check-rules.mjs'), and the files that cite the invariants H1 to H7, for
 * docs/design/invariants.md.
 */
import { readFileSync } from "node:fs";
import { repositoryFiles } from "./repository-files.mjs";

const INVARIANTS = ["H5", "H3", "H4", "H6", "H2", "H7", "H1"];
const RULE = /^[\s/*#]*(?<name>[a-z][a-z0-9-]*\.[A-Z]?\d{1,2}) {2,}(?<text>\S.*)$/;
const MORE = /^\s*(?:\*|#|\/\/)\s+(?<text>[^\s/].*)$/;

/** Every list with its rules, by file: `{file, rules: [{name, text}]}`. */
export function ruleLists() {
  return sources()
    .map(({ file, text }) => ({ file, rules: rulesOf(text) }))
    .filter(({ rules }) => rules.length > 0);
}

/** For each invariant, most important first, the sources and the tests whose comments or titles name it. */
export function invariantCitations() {
  const all = sources();
  return INVARIANTS.map((invariant) => {
    const citing = all.filter(({ text }) => new RegExp(`(?<![\\w.])${invariant}\\b`).test(text)).map(({ file }) => file);
    return { invariant, keptIn: citing.filter((file) => !isForTests(file)), heldBy: citing.filter((file) => file.endsWith(".test.ts")) };
  });
}

function sources() {
  return repositoryFiles(/\.(ts|mjs|py)$/).map((file) => ({ file, text: readFileSync(file, "utf8") }));
}

function isForTests(file) {
  return /\.(test|kit|contract)\.ts$|^(test|bench|scripts|lib\/testkit)\//.test(file);
}

/** A rule goes on over the comment's next lines, to the next rule or an empty line. */
function rulesOf(text) {
  const rules = [];
  let isOpen = false;
  for (const line of text.split("\n")) {
    const begin = RULE.exec(line)?.groups;
    const more = isOpen && MORE.exec(line)?.groups.text;
    if (begin) rules.push({ name: begin.name, text: begin.text });
    else if (more) rules.at(-1).text += ` ${more.replace(/\s*\*\/$/, "")}`;
    isOpen = Boolean(begin || more);
  }
  return rules;
}
