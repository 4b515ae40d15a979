export type { Logger } from "@openwhisk-harvest/core";
