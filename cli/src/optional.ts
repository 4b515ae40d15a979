/** Packages that only some verbs need, and that an installation may do without: loaded when such a verb runs. */
import { HarvestError } from "@openwhisk-harvest/core";

/** The bus adapter, with its Kafka client. OWH_NOT_FOUND when it is not installed. */
export function loadBus(verb: string): Promise<typeof import("@openwhisk-harvest/bus")> {
  return loadOptional(verb, "@openwhisk-harvest/bus", () => import("@openwhisk-harvest/bus"));
}

/** The stack on one machine. OWH_NOT_FOUND when it is not installed. */
export function loadLaptop(verb: string): Promise<typeof import("@openwhisk-harvest/laptop")> {
  return loadOptional(verb, "@openwhisk-harvest/laptop", () => import("@openwhisk-harvest/laptop"));
}

async function loadOptional<T>(verb: string, name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!isMissing(error, name)) throw error;
    throw new HarvestError("OWH_NOT_FOUND", `${verb} needs the package ${name}, which is not installed: npm install ${name}`, {
      cause: error,
    });
  }
}

/** The package itself: one that it would import in turn and that is missing is a damaged installation. */
function isMissing(error: unknown, name: string): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(`'${name}'`);
}
