/**
 * The nodejs action runtime: what runs inside an action container of the embedded OpenWhisk. It speaks OpenWhisk's /init and
 * /run (openwhisk-protocol, 4.1) as apache/openwhisk-runtime-nodejs does, on a Unix socket, or on port 8080 when it is told
 * of none, as it is inside an image.
 * scripts/bundle.mjs makes one file of it, with everything it brings, so that a container needs no node_modules.
 *
 * Known differences: only zip archives (no tar.gz), and no `npm install` when an archive lacks its dependencies.
 */
import { installBroughtModules } from "./brought-modules.js";
import { createRuntimeServer } from "./http.js";
import { SOCKET_VARIABLE } from "./socket-variable.js";

/** Where the invoker of a stock cluster looks for a container (Container.scala:49). */
const CONTAINER_PORT = 8080;

const socketPath = process.env[SOCKET_VARIABLE];
// User code sees OpenWhisk's environment and nothing of ours.
delete process.env[SOCKET_VARIABLE];
installBroughtModules();
createRuntimeServer().listen(socketPath === undefined ? { port: CONTAINER_PORT, host: "0.0.0.0" } : { path: socketPath });
