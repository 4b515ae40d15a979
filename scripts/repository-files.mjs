/** The files of the repository: those of git, and new ones that it does not ignore. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";

/** Their paths from the root, as far as they are there and match. */
export function repositoryFiles(pattern = /(?:)/) {
  return execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "" && pattern.test(file) && existsSync(file))
    .sort();
}
