/**
 * The embedded Redis: the commands that this project uses, for one machine, on loopback. Held to the same conformance
 * suite as redis-server (conformance.contract.ts). One event at a time: requests run, their effects go to the
 * append-only file, then answers go out.
 */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Clock, systemClock } from "@openwhisk-harvest/core";
import { type Access, accessOf, UNRESTRICTED } from "./acl.js";
import { AppendOnlyFile, AppendOnlyFileError } from "./append-only/append-only-file.js";
import { snapshotRecords } from "./append-only/snapshot.js";
import { Connection } from "./connection.js";
import { Engine } from "./engine/engine.js";
import { newSession } from "./engine/session.js";
import { WaitingRoom } from "./engine/waiting-room.js";
import { ErrorReply } from "./resp/reply.js";
import type { ServerSettings } from "./settings.js";

const SWEEP_EVERY_MS = 100;
const SWEEP_KEYS = 1_000;
const MAX_CLIENTS = 10_000;

export interface EmbeddedRedisOptions extends ServerSettings {
  readonly clock?: Clock;
  /** A client sent SHUTDOWN. */
  readonly onShutdown: () => void;
  /** What went wrong and left the server running. */
  readonly onWarning: (message: string) => void;
}

export class EmbeddedRedis {
  readonly #engine: Engine;
  readonly #room: WaitingRoom;
  readonly #file: AppendOnlyFile;
  readonly #access: Access;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  /** Those with answers to send. */
  readonly #answered = new Set<Connection>();
  readonly #sweeper: NodeJS.Timeout;
  readonly #onWarning: (message: string) => void;
  #nextSession = 1;

  private constructor(options: EmbeddedRedisOptions) {
    const { clock = systemClock, onShutdown, aofFile, passwords, onWarning } = options;
    this.#onWarning = onWarning;
    this.#engine = new Engine({ nowMs: () => clock.nowMs(), shutDown: onShutdown });
    this.#room = new WaitingRoom(this.#engine);
    this.#access = accessOf(passwords);
    this.#file = this.#load(aofFile);
    this.#server = createServer((socket) => this.#connect(socket));
    this.#server.maxConnections = MAX_CLIENTS;
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_EVERY_MS).unref();
  }

  static async start(options: EmbeddedRedisOptions): Promise<EmbeddedRedis> {
    const redis = new EmbeddedRedis(options);
    redis.#server.listen(options.port, "127.0.0.1");
    await once(redis.#server, "listening");
    return redis;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#settle();
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await once(this.#server, "close");
    this.#file.close();
  }

  #load(file: string): AppendOnlyFile {
    const session = newSession(0, this.#access, UNRESTRICTED);
    this.#engine.keyspace.replaying = true;
    const aof = AppendOnlyFile.open(file, (request) => {
      const name = (request[0] as Buffer).toString("latin1").toLowerCase();
      const command = this.#engine.command(name);
      if (!command?.keys) throw new AppendOnlyFileError("The append-only file holds a request that changes no key.");
      const reply = this.#engine.run(command, request, session);
      if (reply instanceof ErrorReply) throw new AppendOnlyFileError(`The append-only file does not replay: ${reply.text}.`);
    });
    this.#engine.keyspace.replaying = false;
    this.#engine.takeChangedKeys(); // no session waits yet
    return aof;
  }

  #connect(socket: Socket): void {
    const session = newSession(this.#nextSession++, this.#access);
    const settle = () => this.#settle();
    const onAnswer = (answered: Connection) => void this.#answered.add(answered);
    const connection = new Connection({ socket, session, engine: this.#engine, room: this.#room, onAnswer, settle });
    this.#connections.add(connection);
    socket.once("close", () => this.#connections.delete(connection));
  }

  /** The append-only file before the answers. When it cannot be written the process ends, with the answers unsent. */
  #settle(): void {
    this.#file.append(this.#engine.takeEffects());
    for (const connection of this.#answered) connection.flush();
    this.#answered.clear();
    if (this.#file.isLarge) this.#rewrite();
  }

  #rewrite(): void {
    try {
      this.#file.rewrite(snapshotRecords(this.#engine.keyspace));
    } catch (error) {
      this.#onWarning(`The append-only file could not be rewritten: ${(error as Error).message}`);
    }
  }

  #sweep(): void {
    this.#engine.keyspace.sweep(SWEEP_KEYS);
    this.#settle();
  }
}
