/** The secret by which allocations are signed (core, signature.ts): a file that only its owner can read, made once per deployment. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, HarvestError, messageOf, newSigningSecret, type SigningKey, signingKeyOf } from "@openwhisk-harvest/core";

/** In the data folder, unless the configuration names another file. */
const FILE_NAME = "signing-secret";

/** OWH_BAD_CONFIG when the file that is configured cannot be read, or holds no secret. Without one configured, it is made. */
export function signingKeyFor({ signing, dataDir }: Pick<Config, "signing" | "dataDir">): SigningKey {
  if (signing.secretFile !== undefined) return keyIn(signing.secretFile);
  const file = join(dataDir, FILE_NAME);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${newSigningSecret()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // made by an earlier start, or by another process just now
  }
  return keyIn(file);
}

function keyIn(file: string): SigningKey {
  try {
    return signingKeyOf(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof HarvestError) throw error;
    throw new HarvestError("OWH_BAD_CONFIG", `The signing secret cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
