/** The secret by which allocations are signed (core, signature.ts): a file that only its owner can read, made once per deployment. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, HarvestError, messageOf, newSigningSecret, type SigningKey, signingKeyOf } from "@openwhisk-harvest/core";

/** In the data folder, unless the configuration names another file. */
const FILE_NAME = "signing-secret";

/** OWH_BAD_CONFIG when the file that is configured cannot be read, or holds no secret. Without one configured, it is made. */
export function signingKeyFor({ signing, dataDir }: Pick<Config, "signing" | "dataDir">): SigningKey {
  const configured = configuredSigningKey({ signing });
  if (configured) return configured;
  const file = join(dataDir, FILE_NAME);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(file, `${newSigningSecret()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error; // made by an earlier start, or by another process just now
  }
  return keyIn(file);
}

/** The same where none is made: undefined without a configured file. OWH_BAD_CONFIG when it cannot be read, or holds no secret. */
export function configuredSigningKey({ signing }: Pick<Config, "signing">): SigningKey | undefined {
  return signing.secretFile === undefined ? undefined : keyIn(signing.secretFile);
}

function keyIn(file: string): SigningKey {
  try {
    return signingKeyOf(readFileSync(file, "utf8"));
  } catch (error) {
    if (error instanceof HarvestError) throw error;
    throw new HarvestError("OWH_BAD_CONFIG", `The signing secret cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
