/** For operators and their tools, without a key: whether the server is of use, and how its disk is. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { Gauge, Registry } from "prom-client";
import type { RestContext } from "./context.js";

type StoreState = Pick<RestContext, "activations" | "failing">;

/** 503 while nothing can be changed; invocations may go on for a while then. */
export function readyz({ activations, failing }: StoreState, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const reason = failing();
  const ready = reason === undefined;
  return reply
    .code(ready ? 200 : 503)
    .send({ ready, invocations: activations.takesMore, ...(!ready && { reason: `The disk takes no writes: ${reason}.` }) });
}

/** In Prometheus' format. */
export async function metrics({ activations, failing }: StoreState, _request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const registry = new Registry();
  const gauge = (name: string, help: string, value: number) => new Gauge({ name, help, registers: [registry] }).set(value);
  gauge("openwhisk_store_unwritable", "1 while the disk of the data folder takes no writes", failing() === undefined ? 0 : 1);
  gauge(
    "openwhisk_invocations_refused",
    "1 while invocations are refused because their records could not be kept",
    activations.takesMore ? 0 : 1,
  );
  gauge("openwhisk_records_waiting", "Activation records on their way into the store", activations.waiting);
  return reply.type(registry.contentType).send(await registry.metrics());
}
