/**
 * Holds the names of rules and the words of comments. A list of rules stands in the header of the file that keeps them, one rule a
 * paragraph: ` * supervisor.V1  At most one server ...`. Its name is the end of the file's name, so that a citation leads to the file.
 *
 * rules.1  A rule is defined once in the house, and its list once: in a file of that name.
 * rules.2  What a comment, a test's title or a page cites is defined.
 * rules.3  Only H1 to H7 (docs/design/invariants.md) stand without their list.
 * rules.4  Comments speak of functions, runs, callers and containers, never of `whoever`, `nobody`, `everybody` or
 *          `somebody`.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { report } from "./report-breaches.mjs";
import { repositoryFiles } from "./repository-files.mjs";

/** What looks like a rule and is none: V8; the records that the header of the fixture draws. */
const NO_RULES = /^V8$/;
const NO_RULES_IN = new Map([["profiler/src/run-fixture.kit.ts", /^[KS]\d$/]]);
/** Not renamed yet. */
const RULES_TO_COME = [
  "composer-plugin/src/hook/",
  "docker/src/node-agent/",
  ...["events", "plan"].map((name) => `lib/core/src/${name}`),
  "sidecar/src/ledger/",
  "standalone/src/invoker/",
  "standalone/src/controller/",
];
const WORDS_TO_COME = [...RULES_TO_COME, "cli/"];

/** Comments, strings and regular expressions, whichever begins first. */
const TOKENS =
  /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\[\s\S])*`|(?<=[(,=:[!&|?{};>]\s*|\breturn )\/(?![/*])(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\//g;

const files = repositoryFiles(/\.(ts|js|mjs|cjs|py|md)$/);
const texts = new Map(files.map((file) => [file, readFileSync(file, "utf8")]));

const definitions = new Map();
const breaches = [...texts].flatMap(([file, text]) => [...defined(file, text)]);
breaches.push(...[...texts].flatMap(([file, text]) => [...breachesOf(file, text)].map((breach) => `${file}: ${breach}`)));
report(breaches, `${definitions.size} rules in ${new Set([...definitions.values()]).size} lists are named once and cited rightly`);

/** Notes what the file defines, and yields what was defined before, or stands in a file of another name. */
function* defined(file, text) {
  for (const comment of commentsOf(file, text))
    for (const [, list, rule] of comment.matchAll(/^[\s/*#"]*([a-z][a-z0-9-]*)\.([A-Z]\d{1,2}) {2}/gm)) {
      const name = `${list}.${rule}`;
      if (definitions.has(name)) yield `${file}: ${name} is defined in ${definitions.get(name)}, too (rules.1)`;
      else if (![...definitions].every(([other, where]) => !other.startsWith(`${list}.`) || where === file))
        yield `${file}: the list ${list} stands in another file, too (rules.1)`;
      if (
        !basename(file)
          .replace(/\.\w+$/, "")
          .endsWith(list)
      )
        yield `${file}: its list is called ${list} (rules.1)`;
      definitions.set(name, file);
    }
}

function* breachesOf(file, text) {
  const comments = commentsOf(file, text);
  const cited = file.endsWith(".md") ? [text] : [...comments, ...titlesOf(file, text)];
  for (const one of cited)
    for (const [name] of one.matchAll(/(?<![\w./-])[a-z][a-z0-9-]*\.[A-Z]\d{1,2}\b(?![.\w])/g))
      if (!definitions.has(name)) yield `nothing defines ${name} (rules.2)`;
  if (file.endsWith(".md")) return;
  if (!RULES_TO_COME.some((folder) => file.startsWith(folder)))
    for (const one of [...comments, ...titlesOf(file, text)]) yield* bareRules(file, one);
  if (!WORDS_TO_COME.some((folder) => file.startsWith(folder)))
    for (const one of comments)
      for (const [word] of one.replace(/`[^`\n]*`/g, "").matchAll(/\b(?:whoever|nobody|everybody|somebody)\b/gi))
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
