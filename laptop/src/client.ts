/** The OpenWhisk client of the stack's own user. */
import type { Standalone } from "@openwhisk-harvest/standalone";
import openwhisk from "openwhisk";

export function clientFor({ apihost, auth, namespace }: Pick<Standalone, "apihost" | "auth" | "namespace">): openwhisk.Client {
  return openwhisk({ apihost, api_key: auth, namespace });
}
