interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** Remembers lines instead of writing them. Fits wherever a room asks for a logger. */
export class RecordingLogger {
  readonly lines: LogLine[] = [];

  readonly debug = this.#keeper("debug");
  readonly info = this.#keeper("info");
  readonly warn = this.#keeper("warn");
  readonly error = this.#keeper("error");

  /** Warnings and errors as text, so that a test can say that there were none. */
  get complaints(): string[] {
    const complaints = this.lines.filter(({ level }) => level === "warn" || level === "error");
    return complaints.map(({ message, fields }) => `${message} ${JSON.stringify(fields)}`);
  }

  #keeper(level: LogLine["level"]) {
    return (fields: object, message: string): void => void this.lines.push({ level, fields, message });
  }
}
