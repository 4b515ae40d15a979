import { deployJob } from "@openwhisk-harvest/composer-plugin";
import type { Command } from "commander";
import { deploySettings } from "../deploy-settings.js";
import { type ConfigFlags, configFrom, connect, withConfigOptions } from "./options.js";

/** `harvest deploy job.yaml` */
export function addDeployVerb(program: Command): void {
  withConfigOptions(program.command("deploy <job>").description("Create a job's actions and its harvesting conductor")).action(
    async (jobFile: string, flags: ConfigFlags) => {
      const config = configFrom(flags);
      const { stack } = connect(config);
      const { dag, actions } = await deployJob({
        jobFile,
        openwhisk: { apihost: stack.apihost, api_key: stack.auth, namespace: stack.namespace },
        sidecarUrl: stack.sidecar,
        ...deploySettings(config),
      });
      for (const action of actions) process.stdout.write(`ok: updated action ${action}\n`);
      process.stdout.write(`ok: composition ${dag.name}, version ${dag.version}, ${dag.functions.length} functions\n`);
      for (const stage of dag.stages)
        process.stdout.write(
          `ok: ${stage.kind} stage ${stage.forkPath || "(root)"}: ${stage.excluded ?? `${stage.functions.length} functions share`}\n`,
        );
    },
  );
}
