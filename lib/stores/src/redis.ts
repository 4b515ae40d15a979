/** All that is about Redis, for programs that need no documents: it loads neither `lmdb` nor `nano`, which only documents need. */
export * from "./logger.js";
export * from "./redis-allocation-store.js";
export { redisClient } from "./redis-client.js";
export { FolderLock } from "./redis-process/folder-lock.js";
export * from "./redis-process.js";
export * from "./run-key-writer.js";
