/**
 * Boots the image in QEMU and brings back what the guest says.
 *
 * The machine is emulated in software (TCG) with one CPU, and its time is counted in instructions (-icount): 2 ns each, and idle
 * time is skipped. So the guest's clock, its scheduler and its quotas do not notice how busy this host is.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DISK_MB } from "./guest-setup.kit.js";
import { writeImage } from "./image.kit.js";
import type { VmParts } from "./parts.kit.js";

/** Node.js and its libraries twice, as the archive and unpacked, and room for 300 MB of children and caches. */
const MEMORY_MB = 1024;
const CONSOLE_TAIL_CHARS = 4_000;

export interface VmOutcome {
  /** All lines of the second serial line. */
  readonly lines: readonly string[];
  /** QEMU's complaints and the end of the kernel's console, for the reader of a failure. */
  readonly diagnosis: string;
}

/** Ends when the guest resets itself, or by force at the deadline; either way says what came until then. */
export async function runVm(parts: VmParts, deadlineMs: number): Promise<VmOutcome> {
  const folder = mkdtempSync(join(tmpdir(), "openwhisk-harvest-vm-"));
  try {
    const [image, console] = [join(folder, "image.cpio"), join(folder, "console.log")];
    writeImage(image, parts);
    const { stdout, stderr, ending } = await run(parts.qemu, qemuArguments(parts.kernel, image, console), deadlineMs);
    const lines = stdout.split(/\r?\n/).filter((line) => line !== "");
    const tail = readFileSync(console, "latin1").slice(-CONSOLE_TAIL_CHARS);
    return { lines, diagnosis: [ending, stderr, tail].filter((text) => text !== "").join("\n") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function qemuArguments(kernel: string, image: string, console: string): string[] {
  return [
    ...["-machine", "q35", "-cpu", "max", "-accel", "tcg,thread=single", "-icount", "shift=1,sleep=off"],
    ...["-smp", "1", "-m", String(MEMORY_MB), "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot"],
    // The cloud kernel has NVMe and ext4 built in, but no virtio.
    // The disk is made of zeros that come at once: where idle time is skipped, waiting for a real one could take for ever.
    ...["-blockdev", `driver=null-co,node-name=disk,size=${DISK_MB << 20},read-zeroes=on`, "-device", "nvme,drive=disk,serial=disk"],
    ...["-serial", `file:${console}`, "-serial", "stdio"],
    ...["-kernel", kernel, "-initrd", image, "-append", "console=ttyS0 panic=-1 mitigations=off"],
  ];
}

async function run(command: string, args: readonly string[], deadlineMs: number) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    child[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
    });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, deadlineMs);
  try {
    const [code, signal] = await new Promise<[number | null, string | null]>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (...how) => resolve(how));
    });
    const ending = timedOut ? `The virtual machine was ended after ${deadlineMs} ms.` : code === 0 ? "" : `QEMU ended: ${code ?? signal}.`;
    return { ...texts, ending };
  } finally {
    clearTimeout(timer);
  }
}
