import { detectEnforcement } from "@openwhisk-harvest/cgroup";

/** Why tests of limits are skipped here, or false where control groups can be written. */
export async function withoutControlGroups(): Promise<string | false> {
  const enforcer = await detectEnforcement();
  await enforcer.close();
  return enforcer.enforcement.startsWith("cgroup") ? false : `no writable control groups: ${enforcer.reason}`;
}
