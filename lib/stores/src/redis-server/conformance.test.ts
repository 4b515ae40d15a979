import { skipFor, startTestRedis } from "../testing/servers.js";
import { conformanceContract } from "./conformance.contract.js";

for (const kind of ["redis-server", "embedded"] as const) conformanceContract(kind, skipFor(kind), () => startTestRedis(kind));
