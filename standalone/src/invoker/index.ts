export { createDockerDriver, type DockerDriverOptions } from "../container/docker/docker-driver.js";
export type { Container, ContainerDriver, ContainerSpec } from "../container/driver.js";
export { kindsOfImages, type ManifestKind, type OfferedKind, offeredKind, offeredKinds } from "../container/kinds.js";
export type { Logger } from "../container/logger.js";
export { DEFAULT_STOCK, type StemCell, withPrewarm } from "../container/prewarm.js";
export { bundledRuntimeFile, createProcessDriver, type ProcessDriverOptions } from "../container/process-driver.js";
export { type ActivationTermsOptions, createTermsResolver, createUserTermsResolver } from "./activation-terms.js";
export { createInvoker, type InvokerOptions } from "./invoker.js";
