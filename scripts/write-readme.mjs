/**
 * `npm run readme`: runs the demo as a reader does, and puts its table, as it was printed, between the marks in README.md. The table is never
 * edited by hand. Nothing is written when a request failed, where limits are not enforced by control groups, or beside other work: such a table
 * compares nothing.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";

const MARKED = /(<!-- demo: .*-->\n)[\s\S]*?(<!-- \/demo -->)/;

const readme = readFileSync("README.md", "utf8");
const [load = 0] = loadavg();
const { table, trouble } =
  load > availableParallelism() / 2 ? { trouble: `the machine has other work (load ${load.toFixed(1)})` } : runDemo();
if (trouble) {
  process.stderr.write(`error: README.md stays as it is: ${trouble}\n`);
  process.exitCode = 1;
} else {
  const machine = `Printed by a run on ${availableParallelism()} x ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}.`;
  writeFileSync(
    "README.md",
    readme.replace(MARKED, (_, begin, end) => `${begin}\`\`\`\n${table}\n\`\`\`\n\n${machine}\n${end}`),
  );
  process.stdout.write(`${table}\nok: README.md has this table\n`);
}

function runDemo() {
  const out = mkdtempSync(join(tmpdir(), "hv-readme-"));
  try {
    const { status, stdout } = spawnSync(process.execPath, ["cli/bin/harvest.js", "demo", "--out", out], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "inherit"],
    });
    const table = /^┌[\s\S]*^└.*$/m.exec(stdout)?.[0];
    return { table, trouble: troubleOf(status, stdout, table) };
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

function troubleOf(status, stdout, table) {
  if (!MARKED.test(readme)) return "it has no marks for the table";
  if (status !== 0 || !table) return "the demo failed";
  if (stdout.includes("WARNING ")) return "limits are not enforced here";
  return / 0 failed$/m.test(stdout) ? undefined : "requests failed";
}
