import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgram } from "../program.js";

const harvest = async (...words: string[]) => {
  const program = await createProgram("profile");
  for (const command of program.commands) command.exitOverride().configureOutput({ writeErr: () => undefined });
  return program.parseAsync(["profile", "job.yaml", ...words], { from: "user" });
};

test("profile says which of its options cannot be", async () => {
  await assert.rejects(harvest("--runs", "0"), /--runs <number>.*1 at least/);
  await assert.rejects(harvest("--runs", "-3"), /--runs <number>.*whole number/);
  await assert.rejects(harvest("--min-bytes", "9", "--max-bytes", "8"), {
    code: "OWH_BAD_REQUEST",
    message: /--min-bytes 9 is above --max-bytes 8/,
  });
});
