/** Everything; a program that imports it brings the optional peers `lmdb` and `nano`. */
export * from "./documents/couch.js";
export * from "./documents/lmdb.js";
export * from "./open-stores.js";
export * from "./private-folder.js";
export * from "./redis.js";
export * from "./signing-secret.js";
export * from "./typed/dag-store.js";
export * from "./typed/decision-store.js";
export * from "./typed/model-store.js";
export * from "./typed/pin-store.js";
export * from "./typed/profile-store.js";
