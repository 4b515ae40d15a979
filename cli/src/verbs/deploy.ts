import { type Deployed, deployJob, deploySettings, type Waits } from "@openwhisk-harvest/composer-plugin";
import { explainSharing } from "@openwhisk-harvest/sidecar";
import type { Command } from "commander";
import { Connection } from "../connection/connection.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface DeployFlags extends ConfigFlags {
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** `harvest deploy job.yaml` */
export function addDeployVerb(program: Command): void {
  withConfigOptions(program.command("deploy <job>").description("Create a job's actions and its harvesting conductor"))
    .option("--dry-run", "check everything and show what would be written, and write nothing")
    .option("--json", "print the actions and the DAG description as JSON")
    .action(async (jobFile: string, flags: DeployFlags) => {
      const config = configFrom(flags);
      const connection = new Connection(config);
      const { apihost, auth } = connection.openwhisk();
      const { url: sidecarUrl } = connection.sidecar();
      const { composerUrl: redisUrl } = config.redis;
      const deployed = await deployJob({
        jobFile,
        openwhisk: { apihost, api_key: auth, namespace: await connection.namespace() },
        sidecarUrl,
        ...(redisUrl === undefined ? {} : { redisUrl }),
        ...deploySettings(config),
        dryRun: flags.dryRun ?? false,
      });
      const text = flags.json ? JSON.stringify(deployed) : describe(deployed, flags.dryRun ? "would update" : "updated").join("\n");
      process.stdout.write(`${text}\n`);
    });
}

function explainWaits(waits: Waits): string {
  if (waits.way === "waiting-action") return `its conductors wait in the action ${waits.action}, up to ${waits.concurrency} in a container`;
  return `its conductors wait in turns, unless the server joins: ${waits.reason}`;
}

function describe({ dag, actions, waits }: Deployed, did: string): string[] {
  return [
    ...actions.map((action) => `ok: ${did} action ${action}`),
    `ok: composition ${dag.name}, version ${dag.version}, ${dag.functions.length} functions`,
    ...(waits ? [`ok: ${explainWaits(waits)}`] : []),
    ...explainSharing(dag).map((line) => `ok: ${line}`),
    ...dag.functions.flatMap(({ name, bounds, harvest }) => [
      ...(bounds ? [`ok: ${name} is bounded: ${JSON.stringify(bounds)}`] : []),
      ...(harvest === "harvest" ? [`ok: ${name} has opted in, whatever the mode of its namespace`] : []),
    ]),
  ];
}
