import { type DagDescription, HarvestError, type StackFile } from "@openwhisk-harvest/core";
import { getJson } from "@openwhisk-harvest/sidecar/client";

/** A deployed DAG's description, as the sidecar keeps it. OWH_NOT_FOUND says what to do first. */
export async function readDag(stack: StackFile, name: string): Promise<DagDescription> {
  try {
    return await getJson<DagDescription>(
      `${stack.sidecar}/v1/dags/${encodeURIComponent(stack.namespace)}/${encodeURIComponent(name)}`,
      stack.auth,
    );
  } catch (error) {
    if (error instanceof HarvestError && error.code === "OWH_NOT_FOUND")
      throw new HarvestError("OWH_NOT_FOUND", `No DAG is called ${name} in ${stack.namespace}: deploy it first with \`harvest deploy\`.`, {
        cause: error,
      });
    throw error;
  }
}
