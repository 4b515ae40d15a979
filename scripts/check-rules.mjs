/**
 * Holds the names of rules and the words of comments. A list of rules stands in the header of the file that keeps them, one rule a
 * paragraph: ` * supervisor.V1  At most one server ...`. Its name is the end of the file's path (`docker-engine` of
 * docker/engine.ts), so that a citation leads to the file.
 *
 * rules.1  A rule is defined once in the house, and its list once: in a file of that name.
 * rules.2  What a comment, a test's title or a page cites is defined.
 * rules.3  Only H1 to H7 (docs/design/invariants.md) stand without their list.
 * rules.4  Comments speak of functions, runs, callers and containers, never of `whoever`, `nobody`, `everybody`,
 *          `anybody` or `somebody`.
 */
import { readFileSync } from "node:fs";
import { report } from "./report-breaches.mjs";
import { repositoryFiles } from "./repository-files.mjs";
import { ruleLists } from "./rule-lists.mjs";

/** What looks like a rule and is none: V8; the records that the header of the fixture draws. */
const NO_RULES = /^V8$/;
const NO_RULES_IN = new Map([["profiler/src/run-fixture.kit.ts", /^[KS]\d$/]]);

/** Comments, strings and regular expressions, whichever begins first. */
const TOKENS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};>]\s*|\breturn )\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//g;

const lists = ruleLists();
const definitions = new Set(lists.flatMap(({ rules }) => rules.map(({ name }) => name)));
/** Lists whose rules have no letter: elsewhere a word and a number may be anything. */
const numbered = new Set([...definitions].filter((name) => /\.\d/.test(name)).map((name) => name.split(".")[0]));

const breaches = [...definedTwice()];
for (const file of repositoryFiles(/\.(ts|js|mjs|cjs|py|md)$/))
  for (const breach of breachesOf(file, readFileSync(file, "utf8"))) breaches.push(`${file}: ${breach}`);
report(breaches, `${definitions.size} rules in ${lists.length} lists are named once and cited rightly`);

function* definedTwice() {
  const where = new Map();
  for (const { file, rules } of lists)
    for (const { name } of rules) {
      const list = name.split(".")[0];
      if (where.has(name)) yield `${file}: ${name} is defined in ${where.get(name)}, too (rules.1)`;
      else if ((where.get(list) ?? file) !== file) yield `${file}: the list ${list} stands in ${where.get(list)}, too (rules.1)`;
      if (!`-${file.replace(/\.\w+$/, "").replaceAll("/", "-")}`.endsWith(`-${list}`))
        yield `${file}: its list is called ${list} (rules.1)`;
      where.set(name, file).set(list, file);
    }
}

function* breachesOf(file, text) {
  const comments = commentsOf(file, text);
  const cited = file.endsWith(".md") ? [text] : [...comments, ...titlesOf(file, text)];
  for (const one of cited)
    for (const [name, list] of one.matchAll(/(?<![\w./-])([a-z][a-z0-9-]*)\.[A-Z]?\d{1,2}\b(?![.\w])/g))
      if (!definitions.has(name) && (/[A-Z]/.test(name) || numbered.has(list))) yield `nothing defines ${name} (rules.2)`;
  if (file.endsWith(".md")) return;
  for (const one of [...comments, ...titlesOf(file, text)]) yield* bareRules(file, one);
  for (const one of comments)
    for (const [word] of one.replace(/`[^`\n]*`/g, "").matchAll(/\b(?:whoever|nobody|everybody|anybody|somebody)\b/gi))
      yield `"${word}" in a comment (rules.4)`;
}

function* bareRules(file, text) {
  for (const [, rule] of text.matchAll(/(?<![\w.%$#{'`-])([A-Z]\d{1,2})(?![\w'`]|\.\w)/g))
    if (!/^H[1-7]$/.test(rule) && !NO_RULES.test(rule) && !NO_RULES_IN.get(file)?.test(rule)) yield `${rule} without its list (rules.3)`;
}

function commentsOf(file, text) {
  if (file.endsWith(".md")) return [];
  if (file.endsWith(".py")) return text.match(/"""[\s\S]*?"""|#[^\n]*/g) ?? [];
  return (text.match(TOKENS) ?? []).filter((token) => /^\/[/*]/.test(token));
}

/** Strings of tests that cite a rule in front, or in parentheses. */
function titlesOf(file, text) {
  if (!/\.(test|kit)\.ts$/.test(file)) return [];
  return (text.match(TOKENS) ?? [])
    .filter((token) => /^["'`]/.test(token))
    .flatMap((token) => {
      const ahead = /^.((?:[\w.-]*\b[A-Z]\d{1,2}(?:, | and | to |))+):/.exec(token)?.[1];
      const inside = token.match(/\((?:[\w.-]*\b[A-Z]\d{1,2}(?:, | and |))+\)/g) ?? [];
      return [...(ahead ? [ahead] : []), ...inside];
    });
}
