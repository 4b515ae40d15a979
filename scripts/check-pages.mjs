/**
 * Holds the pages for users to the programs that they describe, after a build. Arguments are the pages to look at; all of the repository without.
 *
 * pages.1  No heading occurs twice under the same one.
 * pages.2  `npm run x`: package.json has the script; a bench that is named is there.
 * pages.3  `harvest verb --option`: the command has the verb, the option and its choice, and takes so many arguments.
 * pages.4  A file that a command runs is there; so are the services and profiles of `docker compose`.
 * pages.5  An option of the configuration, an environment variable HARVEST_*, a metric harvest_* that a page names is one.
 */
import { existsSync, readFileSync } from "node:fs";
import { parse } from "yaml";
import { BENCH_FLAGS, BENCHES } from "../bench/dist/benches.js";
import { createProgram } from "../cli/dist/program.js";
import { configOptions } from "../lib/core/dist/index.js";
import { byHand, commandsOf, isPlaceholder, withoutBlocks } from "./page-commands.mjs";
import { report } from "./report-breaches.mjs";
import { repositoryFiles } from "./repository-files.mjs";

/** Written from the programs themselves, or telling of programs of other times. */
const LEFT_OUT = /^docs\/reference\/|^CHANGELOG\.md$/;

const tracked = repositoryFiles();
const pages = process.argv.length > 2 ? process.argv.slice(2) : tracked.filter((file) => file.endsWith(".md") && !LEFT_OUT.test(file));
const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
const options = configOptions();
const program = await createProgram();
const sources = tracked.filter((file) => /\.(ts|js|mjs|cjs|py|sh|ya?ml)$|Dockerfile$/.test(file)).map((file) => readFileSync(file, "utf8"));

const breaches = pages.flatMap((page) => {
  const text = byHand(readFileSync(page, "utf8"));
  const commands = commandsOf(text).flatMap(({ words, inBlock }) =>
    [...commandBreaches(words, inBlock)].map((breach) => `${breach} in "${words.join(" ")}"`),
  );
  return [...headingBreaches(text), ...commands, ...nameBreaches(text)].map((breach) => `${page}: ${breach}`);
});
report(breaches, `headings and commands of ${pages.length} pages are as they say`);

function* headingBreaches(text) {
  const seen = new Set();
  const path = [];
  for (const [, { length: level }, title] of withoutBlocks(text).matchAll(/^(#+) (.+)$/gm)) {
    path.splice(level - 1, path.length, title);
    const whole = path.join(" / ");
    if (seen.has(whole)) yield `the heading "${title}" occurs twice (pages.1)`;
    seen.add(whole);
  }
}

function* commandBreaches([name, ...words], inBlock) {
  if (name === "npm") yield* npmBreaches(words, inBlock);
  if (name === "harvest" && words.length > 0) yield* verbBreaches(words, inBlock);
  if ((name === "node" || name === "sh") && !isThere(words[0])) yield `no file ${words[0]} (pages.4)`;
  if (name === "docker" && words[0] === "compose") yield* composeBreaches(words.slice(1));
}

function* npmBreaches(words, inBlock) {
  const [verb, script, ...rest] = words.filter((word) => word !== "--silent");
  if (verb === "test") return;
  if (verb !== "run") {
    if (!["ci", "install"].includes(verb)) yield `npm ${verb} is not used here (pages.2)`;
    return;
  }
  const given = rest.filter((word) => word !== "--");
  if (!(script in scripts)) yield `package.json has no script ${script} (pages.2)`;
  if (script === "harvest" && given.length > 0) yield* verbBreaches(given, inBlock);
  if (script === "demo") yield* verbBreaches(["demo", ...given], inBlock);
  if (script === "bench")
    for (const word of given) if (!BENCH_FLAGS.includes(word) && !(word in BENCHES)) yield `no bench takes ${word} (pages.2)`;
}

function* verbBreaches(words, inBlock) {
  let command = program;
  let rest = words;
  for (let inner = innerOf(command, rest[0]); inner; inner = innerOf(command, rest[0])) {
    command = inner;
    rest = rest.slice(1);
  }
  if (command === program) {
    if (!/^(<.*>|--help|--version)$/.test(words[0])) yield `harvest has no verb ${words[0]} (pages.3)`;
    return;
  }
  const values = yield* valuesOf(command, rest);
  const wanted = command.registeredArguments;
  if (values.length > wanted.length && !wanted.at(-1)?.variadic) yield `${command.name()} takes no ${values[wanted.length]} (pages.3)`;
  if (inBlock && values.length < wanted.filter(({ required }) => required).length) yield `${command.name()} wants more arguments (pages.3)`;
}

function innerOf(command, word) {
  return command.commands.find((one) => one.name() === word);
}

/** The words that belong to no option; says what is wrong with the options meanwhile. */
function* valuesOf(command, words) {
  const values = [];
  for (let i = 0; i < words.length; i++) {
    const [flag, value] = words[i].split(/=(.*)/s);
    if (!flag.startsWith("-")) {
      values.push(words[i]);
      continue;
    }
    const option = command.options.find(({ short, long }) => short === flag || long === flag);
    if (!option && flag !== "--help") yield `${command.name()} has no option ${flag} (pages.3)`;
    const taken = option?.required || option?.optional ? (value ?? words[++i]) : undefined;
    if (option?.argChoices && !option.argChoices.includes(taken) && !isPlaceholder(taken)) yield `${flag} has no choice ${taken} (pages.3)`;
    if (flag === "--set" && taken && !options.some(({ path }) => path === taken.split("=")[0]) && !isPlaceholder(taken))
      yield `the configuration has no ${taken.split("=")[0]} (pages.5)`;
  }
  return values;
}

function* composeBreaches(words) {
  const file = words[words.indexOf("-f") + 1];
  if (!words.includes("-f") || !existsSync(file)) {
    yield `no compose file ${file} (pages.4)`;
    return;
  }
  const { services } = parse(readFileSync(file, "utf8"));
  const profiles = Object.values(services).flatMap((service) => service.profiles ?? []);
  const up = words.indexOf("up");
  for (const [i, word] of words.entries()) {
    if (words[i - 1] === "--profile" && !profiles.includes(word)) yield `${file} has no profile ${word} (pages.4)`;
    if (up >= 0 && i > up && !word.startsWith("-") && !(word in services)) yield `${file} has no service ${word} (pages.4)`;
  }
}

function* nameBreaches(text) {
  const groups = new Set(options.flatMap(({ path }) => (path.includes(".") ? [path.split(".")[0]] : [])));
  for (const [, path] of withoutBlocks(text).matchAll(/`([a-z]\w*(?:\.[\w*]+)+)(?:=[^`]*)?`/g))
    if (groups.has(path.split(".")[0]) && !options.some((one) => matches(one.path, path)))
      yield `the configuration has no ${path} (pages.5)`;
  for (const [name] of text.matchAll(/\bHARVEST_[A-Z_]+[A-Z]\b|\bharvest_[a-z_]+[a-z]\b/g))
    if (!isKnown(name)) yield `nothing here reads or writes ${name} (pages.5)`;
}

function matches(path, named) {
  return (
    path === named ||
    path.startsWith(`${named.replace(/\*$/, "").replace(/\.$/, "")}.`) ||
    (named.endsWith("*") && path.startsWith(named.slice(0, -1)))
  );
}

function isKnown(name) {
  return options.some(({ environment }) => environment === name) || sources.some((text) => text.includes(name));
}

/** In the repository, or made by its build. */
function isThere(path) {
  return path !== undefined && (path.startsWith("-") || isPlaceholder(path) || existsSync(path));
}
