/** What topics a Kafka has, asked once: for checks from outside. */
import { Admin } from "@platformatic/kafka";

/** `brokers`: host:port. Rejects when none answers within `timeoutMs`. */
export async function listTopics(brokers: readonly string[], timeoutMs: number): Promise<string[]> {
  const admin = new Admin({
    clientId: "harvest-doctor",
    bootstrapBrokers: [...brokers],
    retries: 0,
    connectTimeout: timeoutMs,
    requestTimeout: timeoutMs,
  });
  try {
    return await admin.listTopics();
  } finally {
    await admin.close();
  }
}
