/**
 * The checks of the repository's own form refuse what they must (house.1 to house.3, packages.1 to packages.3), and a test whose source is
 * gone is none: each in a small repository of its own.
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const SCRIPTS = fileURLToPath(new URL("../../scripts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "hv-house-"));
after(() => rmSync(folder, { recursive: true, force: true }));

type Files = Readonly<Record<string, string>>;
let count = 0;

const manifestOf = (more: object = {}) =>
  JSON.stringify({
    ...{ name: "@openwhisk-harvest/core", version: "0.0.0", type: "module", files: ["dist"] },
    ...{ exports: { ".": "./dist/index.js" }, ...more },
  });
const RIGHT: Files = {
  "package.json": JSON.stringify({ private: true, workspaces: ["core"] }),
  "core/package.json": manifestOf(),
  "core/tsconfig.json": JSON.stringify({ compilerOptions: { rootDir: "src", outDir: "dist" }, include: ["src"] }),
  "core/src/index.ts": "export const one = 1;\n",
  "core/dist/index.js": "export const one = 1;\n",
};

/** A repository with one room, core, and these files in it or in place of its own. */
function repositoryWith(files: Files): string {
  const root = join(folder, String(count++));
  for (const [name, text] of Object.entries({ ...RIGHT, ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  execFileSync("git", ["init", "--quiet", root]);
  return root;
}

function check(name: string, files: Files): { readonly status: number | null; readonly said: string } {
  const cwd = repositoryWith(files);
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(SCRIPTS, `check-${name}.mjs`)], { cwd, encoding: "utf8" });
  return { status, said: stdout + stderr };
}

const functionOf = (lines: number, head = "export function f() {") => `${head}\n${"  1;\n".repeat(lines - 2)}}\n`;

const REFUSED: readonly [check: string, what: string, files: Files, breach: RegExp][] = [
  ["house", "an arrow that leads up", { "core/src/a.ts": 'import "@openwhisk-harvest/stores";\n' }, /core may not import stores/],
  ["house", "a package that is not listed", { "core/src/a.ts": 'import "left-pad";\n' }, /imports left-pad and does not list it/],
  ["house", "a source that imports a kit", { "core/src/a.ts": 'import "./b.kit.js";\n', "core/src/b.kit.ts": "" }, /imports .*kit/],
  ["house", "a function of 61 lines", { "core/src/a.ts": `// first\n${functionOf(61)}` }, /core.src.a\.ts:2: a function of 61 lines/],
  ["house", "a method of 61 lines", { "core/src/a.ts": `class A {\n${functionOf(61, "f() {")}}` }, /a\.ts:2: a function of 61 lines/],
  ["house", "a file of 401 lines", { "core/src/a.test.ts": "1;\n".repeat(401) }, /core.src.a\.test\.ts has 401 lines/],
  ["packages", "a test", { "core/dist/a.test.js": "" }, /packs dist\/a\.test\.js/],
  ["packages", "an import of what is not packed", { "core/dist/a.js": 'import "./b.js";\n' }, /a\.js imports dist\/b\.js/],
  [
    "packages",
    "an export of what is not packed",
    { "core/package.json": manifestOf({ exports: { ".": "./dist/index.js", "./bench": { default: "./dist/bench.js" } } }) },
    /names dist\/bench\.js/,
  ],
  [
    "packages",
    "a program that is not packed",
    { "core/package.json": manifestOf({ bin: { core: "./bin/core.js" } }) },
    /names bin\/core\.js/,
  ],
];

describe("the form of the repository", () => {
  for (const name of ["house", "packages"])
    it(`passes check-${name} where all is right`, () => {
      const longest = `/**\n${" *\n".repeat(100)} */\n${functionOf(60)}`;
      const tests = { "core/src/long.test.ts": functionOf(400) };
      const { status, said } = check(name, { "core/src/a.ts": longest, ...tests });
      assert.equal(status, 0, said);
    });
  for (const [name, what, files, breach] of REFUSED)
    it(`is refused by check-${name} for ${what}`, () => {
      const { status, said } = check(name, files);
      assert.match(said, breach);
      assert.equal(status, 1);
    });
});

describe("the tests that are run", () => {
  const listed = (files: Files) => {
    const code = `import { testFiles } from ${JSON.stringify(join(SCRIPTS, "test-files.mjs"))}; console.log(testFiles().map(({ path }) => path).join());`;
    return spawnSync(process.execPath, ["--input-type=module", "-e", code], { cwd: repositoryWith(files), encoding: "utf8" });
  };
  const test = { "core/src/a.test.ts": "", "core/dist/a.test.js": "" };

  it("are those that have a source, whatever dist has kept of others", () => {
    assert.equal(listed({ ...test, "core/dist/gone.test.js": "throw new Error();" }).stdout.trim(), join("core", "dist", "a.test.js"));
  });

  it("are all of them: one that is not compiled is missed", () => {
    assert.match(listed({ ...test, "core/src/b.test.ts": "" }).stderr, /core.src.b\.test\.ts is not compiled/);
  });
});
