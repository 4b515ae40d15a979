import { allocationStoreContract } from "./redis-allocation-store.contract.js";
import { skipFor, startTestRedis } from "./testing/servers.js";

for (const kind of ["redis-server", "embedded"] as const) allocationStoreContract(kind, skipFor(kind), () => startTestRedis(kind));
