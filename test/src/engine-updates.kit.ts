/** Which containers' limits were changed through a Docker engine, as an invoker changes them; a node agent writes to the kernel's files. */
import type Docker from "dockerode";

export class EngineUpdates {
  readonly #changed = new Set<string>();
  #rest = "";
  stop: () => void = () => undefined;

  /** From now on. */
  static async watch(engine: Docker): Promise<EngineUpdates> {
    const updates = new EngineUpdates();
    const stream = await engine.getEvents({ filters: { type: ["container"], event: ["update"] } });
    stream.on("data", (chunk: Buffer) => updates.#take(chunk.toString("utf8")));
    updates.stop = () => (stream as unknown as { destroy(): void }).destroy();
    return updates;
  }

  among(names: readonly string[]): string[] {
    return names.filter((name) => this.#changed.has(name));
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line.trim() === "") continue;
      const { Actor } = JSON.parse(line) as { Actor: { Attributes: { name?: string } } };
      if (Actor.Attributes.name !== undefined) this.#changed.add(Actor.Attributes.name);
    }
  }
}
