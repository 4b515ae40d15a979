/**
 * The pages of the repository: what they tell readers to type exists, and what they and the comments cite is there. The rules are those of
 * scripts/check-pages.mjs (pages.1 to pages.5) and scripts/check-citations.mjs (citations.1 to citations.6).
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "hv-pages-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function check(name: string, ...files: readonly string[]): { readonly status: number | null; readonly said: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`scripts/${name}.mjs`, ...files], { cwd: ROOT, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

/** What a check says of pages with these texts, all looked at in one go: a list of breaches for each. */
function breachesOf(name: string, texts: readonly string[]): string[][] {
  const pages = texts.map((text, i) => {
    const page = join(folder, `${i}.md`);
    writeFileSync(page, text);
    return page;
  });
  const { status, said } = check(name, ...pages);
  const lines = said.split("\n");
  const breaches = pages.map((page) => lines.filter((line) => line.startsWith(`${page}: `)).map((line) => line.slice(page.length + 2)));
  assert.equal(status, breaches.flat().length > 0 ? 1 : 0, said);
  return breaches;
}

/** Each page has one breach, of its own. */
function assertRefused(name: string, cases: readonly (readonly [what: string, text: string, breach: RegExp])[]): void {
  for (const [i, breaches] of breachesOf(
    name,
    cases.map(([, text]) => text),
  ).entries()) {
    const [what, , breach] = cases[i] ?? assert.fail();
    assert.equal(breaches.length, 1, `${what}: ${breaches.join("; ")}`);
    assert.match(breaches[0] ?? "", breach, what);
  }
}

/** Names of this file are put together, because the checks read it, too. */
const block = (command: string) => `\`\`\`\n${command}\n\`\`\`\n`;

test("README: no heading occurs twice, every command exists, and every link leads somewhere", () => {
  for (const name of ["check-pages", "check-citations"]) {
    const { status, said } = check(name, "README.md");
    assert.equal(status, 0, said);
  }
});

test("the same of every page, and of every citation in the code", () => {
  for (const name of ["check-pages", "check-citations"]) {
    const { status, said } = check(name);
    assert.equal(status, 0, said);
  }
});

test("a page is refused for what it names and is not there", () => {
  assertRefused("check-pages", [
    ["a heading twice", "# A\n## B\ntext\n## B\n", /"B" occurs twice/],
    ["a script that package.json has not", block("npm ci && npm run dmo"), /no script dmo/],
    ["a bench that there is not", "Run `npm run bench -- spead`.", /no bench takes spead/],
    ["a verb that the command has not", block("harvest deplo job.yaml"), /no verb deplo/],
    ["an option that the verb has not", "`harvest train <dag> --if-drifting` trains.", /no option --if-drifting/],
    ["an option behind npm run", block("npm run --silent demo -- --jsn"), /no option --jsn/],
    ["a choice that an option has not", block("harvest rollback a --policy papre"), /no choice papre/],
    ["an argument too many", block("harvest train a --if-drifted b"), /takes no b/],
    ["an argument too few, over two lines", block("harvest deploy \\\n  --dry-run"), /wants more arguments/],
    ["a file that is not there", block("node cli/bin/harvst.js up"), /no file cli\/bin\/harvst.js/],
    ["a service that compose has not", block("docker compose -f docker/compose.yaml up -d redsi"), /no service redsi/],
    ["an option of the configuration", "Set `decision.deadlinesMs` or `decision.deadlineMs`.", /no decision.deadlinesMs/],
    ["the same with --set", block("harvest up --set decision.deadlinesMs=3"), /no decision.deadlinesMs/],
    ["an environment variable", `with ${"HARVEST"}_LOG_LEVELS=debug`, /LOG_LEVELS/],
    ["a metric", `${"harvest"}_redis_breaker_opened shows it.`, /redis_breaker_opened/],
  ]);
});

test("a file is refused for what it cites and is not there", () => {
  assertRefused("check-citations", [
    ["a section that a page has not", `(${"architecture"}, 5 and 55)`, /no section 55/],
    ["a pitfall that is not in the list", `as ${"pitfalls"} 20 and 44 have it`, /20 and 44/],
    ["a section of the paper that is not in the table", `(${"paper"}, 3.5.1 and 9.9)`, /3.5.1 and 9.9/],
    ["notes that are not in the repository", `(${"DESIGN"}, section 3)`, /is no page of/],
    ["a citation over two lines", ` * for all of it (${"openwhisk-protocol"},\n * 4.9), and more`, /no section 4.9/],
    ["a link to no page", "[a](nowhere.md)", /nowhere.md/],
    ["a path that is not there", "`lib/core/src/gird.ts` has it", /gird.ts/],
  ]);
});

test("what is right passes: placeholders, comments, options with values, redirections", () => {
  const right = [
    "harvest explain <id>   # why",
    "harvest pause /guest --for 2h --reason 'slow; very slow' > log",
    "HARVEST_LOG_LEVEL=debug node cli/bin/harvest.js up",
    "npm run bench -- accuracy --write && npm test",
    "curl http://127.0.0.1:1 | jq .harvest",
  ];
  assert.deepEqual(breachesOf("check-pages", [block(right.join("\n"))]), [[]]);
});
