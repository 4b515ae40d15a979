/**
 * The nodejs action runtime: what runs inside an action container of the embedded OpenWhisk. It speaks OpenWhisk's /init and
 * /run (openwhisk-protocol, section 4.1) as apache/openwhisk-runtime-nodejs does, on a Unix socket instead of port 8080.
 * scripts/bundle.mjs makes one file of it, with everything it brings, so that a container needs no node_modules.
 *
 * Known differences: only zip archives (no tar.gz), and no `npm install` when an archive lacks its dependencies.
 */
import { installBroughtModules } from "./brought-modules.js";
import { createRuntimeServer } from "./http.js";
import { SOCKET_VARIABLE } from "./socket-variable.js";

const socketPath = process.env[SOCKET_VARIABLE];
// User code sees OpenWhisk's environment and nothing of ours.
delete process.env[SOCKET_VARIABLE];
if (socketPath === undefined) {
  process.stderr.write(`${SOCKET_VARIABLE} must name the Unix socket to listen on.\n`);
  process.exit(2);
}
installBroughtModules();
createRuntimeServer().listen(socketPath);
