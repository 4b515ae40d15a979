import { type DagPin, HarvestError, POLICIES } from "@openwhisk-harvest/core";
import type { Ask } from "@openwhisk-harvest/sidecar/client";
import { type Command, Option } from "commander";
import { Connection } from "../connection/connection.js";
import { type Column, tableLines } from "../output.js";
import { dateText } from "../times.js";
import { type ConfigFlags, configFrom, withConfigOptions } from "./options.js";

interface RollbackFlags extends ConfigFlags {
  readonly to?: string;
  readonly policy?: string;
  readonly newest?: boolean;
  readonly list?: boolean;
  readonly reason?: string;
  readonly namespace?: string;
  readonly json?: boolean;
}

/** As the sidecar answers at `/v1/pins/:namespace/:dag`. */
interface PinView {
  readonly namespace: string;
  readonly dag: string;
  readonly modelInUse?: string;
  readonly pin?: DagPin;
  readonly models: readonly ModelLine[];
}
interface ModelLine {
  readonly version: string;
  readonly dagVersion: string;
  readonly trainer: string;
  readonly createdAtMs: number;
}

/** `harvest rollback DAG`: points to the model before, or to a policy; deletes nothing. */
export function addRollbackVerb(program: Command): void {
  withConfigOptions(
    program.command("rollback <dag>").description("Decide by the model before the one in use, until --newest; nothing is deleted"),
  )
    .option("--to <version>", "by this version instead")
    .addOption(new Option("--policy <name>", "by this policy instead of the configured one; the model stays").choices([...POLICIES]))
    .option("--newest", "back to the newest model and the configured policy")
    .option("--list", "only show what is stored and what is in use")
    .option("--reason <text>", "why, shown with the pin")
    .option("--namespace <name>", "a namespace that your key belongs to; the key's own when absent")
    .option("--json", "print what is in use then as JSON")
    .action(rollback);
}

async function rollback(dag: string, flags: RollbackFlags): Promise<void> {
  if (flags.newest && (flags.to !== undefined || flags.policy !== undefined))
    throw new HarvestError("OWH_BAD_REQUEST", "--newest takes every pin away; it goes with neither --to nor --policy.");
  const connection = new Connection(configFrom(flags));
  const namespace = flags.namespace ?? (await connection.namespace());
  const view = await connection.ask<PinView>(`/v1/pins/${encodeURIComponent(namespace)}/${encodeURIComponent(dag)}`, requestOf(flags));
  process.stdout.write(flags.json ? `${JSON.stringify(view)}\n` : `${describe(view).join("\n")}\n`);
}

function requestOf({ to, policy, newest, list, reason }: RollbackFlags): Ask {
  if (list) return {};
  if (newest) return { method: "DELETE" };
  const model = to ?? (policy === undefined ? "previous" : undefined);
  return { method: "PUT", body: { ...(model && { model }), ...(policy && { policy }), ...(reason && { reason }) } };
}

function describe({ namespace, dag, modelInUse, pin, models }: PinView): string[] {
  const columns: readonly Column<ModelLine>[] = [
    { head: "model", of: ({ version }) => version, right: true },
    { head: "trained (UTC)", of: ({ createdAtMs }) => dateText(createdAtMs) },
    { head: "trainer", of: ({ trainer }) => trainer },
    { head: "for DAG version", of: ({ dagVersion }) => dagVersion },
    { head: "", of: ({ version }) => (version === modelInUse ? (pin?.model === version ? "in use, pinned" : "in use") : "") },
  ];
  const why = pin?.reason === undefined ? "" : ` (${pin.reason})`;
  const what = [pin?.model && `model ${pin.model}`, pin?.policy && `policy ${pin.policy}`].filter(Boolean).join(" and ");
  return [
    `ok: /${namespace}/${dag} uses ${modelInUse === undefined ? "no model" : `model ${modelInUse}`}`,
    ...(what
      ? [`ok: pinned to ${what} since ${dateText(pin?.sinceMs ?? 0)}${why}; \`harvest rollback ${dag} --newest\` takes it away`]
      : []),
    ...(models.length === 0 ? [] : ["", ...tableLines(columns, models)]),
  ];
}
