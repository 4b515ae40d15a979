import { test } from "node:test";

test("Parallel AES: its functions cut, encrypt and join real text without loss", async () => {
  const { selfcheck } = (await import(new URL("../../workloads/parallel-aes/selfcheck.js", import.meta.url).href)) as {
    selfcheck(): Promise<void>;
  };
  await selfcheck();
});
