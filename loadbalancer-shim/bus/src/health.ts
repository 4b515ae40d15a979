/** `GET /healthz` of a replica: that it lives, and whether it is the one that places. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Config } from "@openwhisk-harvest/core";

/** Undefined without `shim.port`: nothing listens then. */
export async function serveHealth(
  { host, port }: Pick<Config["shim"], "host" | "port">,
  inCharge: () => boolean,
): Promise<{ close(): Promise<void> } | undefined> {
  if (port === undefined) return undefined;
  const server = createServer((request, response) => {
    const isKnown = request.method === "GET" && request.url === "/healthz";
    response.writeHead(isKnown ? 200 : 404, { "content-type": "application/json" });
    response.end(
      JSON.stringify(isKnown ? { ok: true, inCharge: inCharge() } : { error: "There is only GET /healthz.", code: "OWH_NOT_FOUND" }),
    );
  });
  await once(server.listen(port, host), "listening");
  return {
    close: async () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
