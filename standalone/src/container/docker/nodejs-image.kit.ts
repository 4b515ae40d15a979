/** Images for the tests of Docker containers. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyInto, copyProgram, importImage } from "@openwhisk-harvest/testkit/docker";
import type Docker from "dockerode";
import { RUNTIME_FILES } from "../kinds.js";

/** With Node.js at /bin/node, our nodejs runtime at /runtime.cjs, and these files below /. */
export async function importNodejsImage(
  engine: Docker,
  name: string,
  files: Readonly<Record<string, string>>,
  command: readonly string[],
): Promise<void> {
  const fill = (root: string) => {
    mkdirSync(join(root, "tmp"));
    copyProgram(root, process.execPath, "/bin/node");
    copyInto(root, RUNTIME_FILES.nodejs, "/runtime.cjs");
    for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  };
  await importImage(engine, name, fill, [`CMD ${JSON.stringify(command)}`]);
}
