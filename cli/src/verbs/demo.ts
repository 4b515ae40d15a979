import { systemClock } from "@openwhisk-harvest/core";
import type { Command } from "commander";
import { loggerFor } from "../logger.js";
import { loadLaptop } from "../optional.js";
import { createProgress } from "../progress.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface DemoFlags extends ConfigFlags {
  readonly quick?: boolean;
  readonly json?: boolean;
  readonly keep?: boolean;
  readonly out: string;
}

/** `harvest demo`: one composition, harvested end to end, on this machine. */
export function addDemoVerb(program: Command): void {
  withConfigOptions(program.command("demo").description("Profile, train and harvest the Parallel AES job on this machine, off against on"))
    .option("--quick", "fewer runs: done within 90 s")
    .option("--json", "print one JSON object and nothing else on standard output")
    .option("--keep", "leave the servers up and print their addresses")
    .option("--out <folder>", "where demo.json and demo.html are written", "harvest-out")
    .action(async (flags: DemoFlags) => {
      const { demo } = await loadLaptop("harvest demo");
      const progress = createProgress(process.stderr, systemClock);
      await demo(flags, { configFrom: (assignments) => configFrom(flags, assignments), loggerFor, progress });
    });
}
