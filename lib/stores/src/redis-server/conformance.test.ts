import { startTestRedis, withoutRedis } from "@openwhisk-harvest/testkit/redis";
import { conformanceContract } from "./conformance.contract.js";

for (const kind of ["redis-server", "embedded"] as const) conformanceContract(kind, withoutRedis(kind), () => startTestRedis(kind));
