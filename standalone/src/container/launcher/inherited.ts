/** Descriptors that a process was born with. */
import { closeSync, existsSync, readdirSync, readFileSync } from "node:fs";

const OWN_DESCRIPTORS = "/proc/self/fd";
const LAST_STANDARD_STREAM = 2;
/** Of Linux' generic and x86 ABI (fcntl.h), as fdinfo shows it. */
const O_CLOEXEC = 0o2000000;

/**
 * Closes all but the standard streams that the processes which we start would inherit. Node.js opens everything with close-on-exec, so
 * these are what was passed on to us: by native modules of the process that started us, or by what started that. Does nothing where there is no /proc.
 */
export function closeInherited(): void {
  if (!existsSync(OWN_DESCRIPTORS)) return;
  for (const name of readdirSync(OWN_DESCRIPTORS)) {
    const descriptor = Number(name);
    if (descriptor > LAST_STANDARD_STREAM && isPassedOn(descriptor)) closeSync(descriptor);
  }
}

function isPassedOn(descriptor: number): boolean {
  const path = `/proc/self/fdinfo/${descriptor}`;
  if (!existsSync(path)) return false; // that of the listing, closed with it
  const [, flags = "0"] = /^flags:\s+([0-7]+)$/m.exec(readFileSync(path, "latin1")) ?? [];
  return (Number.parseInt(flags, 8) & O_CLOEXEC) === 0;
}
