/** What the server says about itself (Controller.scala 145-188, 253-282). */
import type { Config } from "@openwhisk-harvest/core";
import type { EntityLimits, LimitRange } from "../entity-limits.js";
import type { Runtimes } from "../runtimes.js";

const MB = 1024 * 1024;

function range(name: "duration" | "memory" | "logs", { min, std, max }: LimitRange, unit: number): Record<string, number> {
  return {
    [`default_min_action_${name}`]: min * unit,
    [`default_max_action_${name}`]: max * unit,
    [`min_action_${name}`]: min * unit,
    [`std_action_${name}`]: std * unit,
    [`max_action_${name}`]: max * unit,
  };
}

/** GET / */
export function aboutServer(config: Config["standalone"], limits: EntityLimits, runtimes: Runtimes): object {
  return {
    description: "OpenWhisk",
    support: { github: "https://github.com/apache/openwhisk/issues", slack: "http://slack.openwhisk.org" },
    api_paths: ["/api/v1"],
    limits: {
      actions_per_minute: config.invocationsPerMinute,
      triggers_per_minute: limits.firesPerMinute,
      concurrent_actions: config.concurrentInvocations,
      sequence_length: config.sequenceMaxLength,
      ...range("duration", limits.action.timeout, 1),
      ...range("memory", limits.action.memory, MB),
      ...range("logs", limits.action.logs, MB),
    },
    runtimes: manifestOf(runtimes),
  };
}

/** By family, as in OpenWhisk's manifest. */
function manifestOf({ kinds }: Runtimes): object {
  const families = [...new Set(kinds.map(({ family }) => family))];
  const entry = ({ kind, image, default: isDefault }: Runtimes["kinds"][number]) => ({
    kind,
    image,
    deprecated: false,
    default: isDefault,
    attached: false,
    requireMain: false,
  });
  return Object.fromEntries(families.map((family) => [family, kinds.filter((kind) => kind.family === family).map(entry)]));
}

/** GET /api/v1 */
export const ABOUT_API = {
  description: "OpenWhisk API",
  api_version: "1.0.0",
  api_version_path: "v1",
  build: "standalone",
  buildno: "openwhisk-harvest",
  swagger_paths: { ui: "/docs", "api-docs": "/api-docs" },
} as const;
