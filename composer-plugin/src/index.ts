/** composer-plugin: from an openwhisk-composer composition to a DAG description, and to a conductor that can be harvested. */
export type { CompiledComposition } from "./composer.js";
export { loadComposition } from "./deploy/composition.js";
export { type Deployed, type DeployOptions, deployJob } from "./deploy/deploy.js";
export { deploySettings } from "./deploy/deploy-settings.js";
export { type InputGenerator, type InputSpec, loadInputGenerator } from "./deploy/inputs.js";
export { type Job, type JobFunction, readJob } from "./deploy/job.js";
export type { OpenWhiskOptions } from "./deploy/openwhisk-api.js";
export type { Waits } from "./deploy/waiting-deployment.js";
export { readHookBundle, readWaitingBundle, wrapConductor, wrapWaitingAction } from "./deploy/wrap.js";
export { type DescribeInput, describeComposition, type HarvestPosition, harvestPositions } from "./describe/describe.js";
export type { KnownAction } from "./describe/functions.js";
export { type HookConfig, REDIS_URL_VARIABLE } from "./hook/config.js";
export type { WaitAnswer, WaitRequest } from "./waiting/wait-messages.js";
