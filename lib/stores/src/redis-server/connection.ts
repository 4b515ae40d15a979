/**
 * One client's socket.
 *
 *   reading --request that must wait--> waiting --answer | time-out--> reading --QUIT | protocol error | end--> closed
 *
 * connection.C1  Answers leave in the order of their requests; nothing is run while an earlier request waits.
 * connection.C2  Answers leave only when the server says so: after their effects are in the append-only file.
 */
import type { Socket } from "node:net";
import { Waiting } from "./engine/command.js";
import { Dispatcher } from "./engine/dispatcher.js";
import type { Engine } from "./engine/engine.js";
import type { Session } from "./engine/session.js";
import type { WaitingRoom } from "./engine/waiting-room.js";
import { ErrorReply, encodeReply, type Reply } from "./resp/reply.js";
import { PARSER_LIMITS, ProtocolError, RequestParser, UNAUTHENTICATED_LIMITS } from "./resp/request-parser.js";

/** A client that does not read its answers is dropped, as Redis drops one beyond its output buffer limit. */
const MAX_UNREAD_BYTES = 64 << 20;

export interface ConnectionOptions {
  readonly socket: Socket;
  readonly session: Session;
  readonly engine: Engine;
  readonly room: WaitingRoom;
  /** Called when there is something to flush. */
  readonly onAnswer: (connection: Connection) => void;
  /** Called after every event of this connection: effects go to the append-only file, and answers out. */
  readonly settle: () => void;
}

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #parser = new RequestParser(UNAUTHENTICATED_LIMITS);
  readonly #dispatcher: Dispatcher;
  #answers: Buffer[] = [];
  #leaveRoom: (() => void) | undefined;
  #closing = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#dispatcher = new Dispatcher(options.engine, options.session);
    options.socket
      .setNoDelay(true)
      .on("data", (chunk: Buffer) => this.#read(chunk))
      .on("error", () => options.socket.destroy()) // a reset by the client; "close" follows
      .on("close", () => this.#leave());
  }

  /** Sends what has been answered so far (connection.C2). */
  flush(): void {
    const { socket } = this.#options;
    if (this.#answers.length > 0 && !socket.destroyed) socket.write(Buffer.concat(this.#answers));
    this.#answers = [];
    if (this.#closing) socket.end();
    else if (socket.writableLength > MAX_UNREAD_BYTES) socket.destroy();
  }

  destroy(): void {
    this.#leave();
    this.#options.socket.destroy();
  }

  #read(chunk: Buffer): void {
    if (this.#closing) return;
    this.#parser.feed(chunk);
    if (this.#parser.waitingBytes > 2 * PARSER_LIMITS.maxRequestBytes) {
      this.destroy(); // it pipelines without end while it waits
      return;
    }
    this.#run();
    this.#options.settle();
  }

  #run(): void {
    try {
      while (!this.#leaveRoom && !this.#closing) {
        this.#parser.limits = this.#options.session.user ? PARSER_LIMITS : UNAUTHENTICATED_LIMITS;
        const request = this.#parser.next();
        if (!request) return;
        this.#handle(request);
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#answer(new ErrorReply(`ERR Protocol error: ${error.message}`));
      this.#closing = true;
    }
  }

  #handle(request: Buffer[]): void {
    const { session, room } = this.#options;
    const reply = this.#dispatcher.handle(request);
    if (reply instanceof Waiting) this.#leaveRoom = room.enter(reply, session, (late) => this.#served(late));
    else this.#answer(reply);
    this.#closing ||= session.quitting;
    room.serve();
  }

  /** The answer to the request that waited; what was sent behind it runs when the server has settled. */
  #served(reply: Reply): void {
    this.#leaveRoom = undefined;
    this.#answer(reply);
    setImmediate(() => {
      if (!this.#options.socket.destroyed) this.#run();
      this.#options.settle();
    });
  }

  #answer(reply: Reply): void {
    this.#answers.push(encodeReply(reply, this.#options.session.protocol));
    this.#options.onAnswer(this);
  }

  #leave(): void {
    this.#leaveRoom?.();
    this.#leaveRoom = undefined;
    this.#closing = true;
  }
}
