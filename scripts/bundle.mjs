/**
 * Makes the files that run inside action containers, each self-contained: the hook that wraps a conductor and the waiting action (composer-plugin), the
 * nodejs runtime of the embedded OpenWhisk (standalone), and the agent of the nodejs images (docker).
 */
import { existsSync } from "node:fs";
import { build } from "esbuild";

const BUNDLES = [
  { entry: "composer-plugin/dist/hook/main.js", out: "composer-plugin/dist/hook.bundle.cjs", minify: true },
  { entry: "composer-plugin/dist/waiting/waiting-action.js", out: "composer-plugin/dist/waiting.bundle.cjs", minify: true },
  { entry: "standalone/dist/runtime/nodejs.js", out: "standalone/dist/nodejs-runtime.cjs", minify: false },
  { entry: "docker/dist/agent/nodejs.js", out: "docker/dist/nodejs-agent.cjs", minify: false },
];

for (const { entry, out, minify } of BUNDLES) {
  if (!existsSync(entry)) continue;
  await build({
    entryPoints: [entry],
    outfile: out,
    bundle: true,
    platform: "node",
    target: "node18",
    format: "cjs",
    minify,
    keepNames: false,
    logLevel: "warning",
  });
}
