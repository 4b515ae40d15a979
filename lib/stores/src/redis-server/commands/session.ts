/** Commands about the connection and the server, not about keys. */
import type { Command, CommandTable, Context, Request } from "../engine/command.js";
import type { Keyspace } from "../engine/keyspace.js";
import type { Session } from "../engine/session.js";
import { bulk, CommandError, MapReply, OK, type Reply, Status } from "../resp/reply.js";
import { integer, syntaxError, upper } from "./arguments.js";

/** The Redis whose answers ours are compared with; clients read it to know what they may use. */
const COMPATIBLE_VERSION = "7.0.15";

function logIn(session: Session, name: string, password: string): void {
  const user = session.access.logIn(name, password);
  if (!user) throw new CommandError("WRONGPASS invalid username-password pair or user is disabled.");
  session.user = user;
}

/** `AUTH password` is for the user `default`. */
function auth(request: Request, { session }: Context): Reply {
  if (request.length > 3) throw syntaxError();
  const [first, second] = request.slice(1).map((word) => word.toString());
  if (second === undefined) logIn(session, "default", first as string);
  else logIn(session, first as string, second);
  return OK;
}

const NOT_LOGGED_IN =
  "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option " +
  "can be used to authenticate the client and select the RESP protocol version at the same time";

/** `HELLO [2|3 [AUTH user password] [SETNAME name]]` */
function hello(request: Request, { session }: Context): Reply {
  const version = request[1] && integer(request[1], "ERR Protocol version is not an integer or out of range");
  if (version !== undefined && version !== 2 && version !== 3) throw new CommandError("NOPROTO unsupported protocol version");
  let name: string | undefined;
  for (let at = 2; at < request.length; ) {
    const option = upper(request[at]);
    const [first, second] = request.slice(at + 1).map((word) => word.toString());
    if (option === "AUTH" && first !== undefined && second !== undefined) {
      logIn(session, first, second);
      at += 3;
    } else if (option === "SETNAME" && first !== undefined) {
      name = clientName(first);
      at += 2;
    } else throw new CommandError(`ERR Syntax error in HELLO option '${request[at]?.toString()}'`);
  }
  if (!session.user) throw new CommandError(NOT_LOGGED_IN);
  if (name !== undefined) session.name = name;
  if (version !== undefined) session.protocol = version;
  return helloReply(session);
}

function helloReply({ protocol, id }: Session): Reply {
  return new MapReply([
    [bulk("server"), bulk("redis")],
    [bulk("version"), bulk(COMPATIBLE_VERSION)],
    [bulk("proto"), protocol],
    [bulk("id"), id],
    [bulk("mode"), bulk("standalone")],
    [bulk("role"), bulk("master")],
    [bulk("modules"), []],
  ]);
}

function clientName(name: string): string {
  if (/^[!-~]*$/.test(name)) return name;
  throw new CommandError("ERR Client names cannot contain spaces, newlines or special characters.");
}

function client(request: Request, { session }: Context): Reply {
  const subcommand = upper(request[1]);
  const exactly = (words: number) => {
    if (request.length !== words) throw new CommandError(`ERR wrong number of arguments for 'client|${subcommand.toLowerCase()}' command`);
  };
  switch (subcommand) {
    case "SETNAME":
      exactly(3);
      session.name = clientName((request[2] as Buffer).toString());
      return OK;
    case "GETNAME":
      exactly(2);
      return session.name === "" ? null : bulk(session.name);
    case "ID":
      exactly(2);
      return session.id;
    default: // also SETINFO, which is of 7.2: clients know this answer from older servers
      throw new CommandError(`ERR unknown subcommand '${request[1]?.toString().slice(0, 128)}'. Try CLIENT HELP.`);
  }
}

function ping(request: Request): Reply {
  if (request.length > 2) throw new CommandError("ERR wrong number of arguments for 'ping' command");
  return request[1] ?? new Status("PONG");
}

/** What clients look for: `loading` (ioredis' ready check), the version, and how full it is. */
function info(keyspace: Keyspace, waitingSessions: number): Reply {
  const lines = [
    "# Server",
    `redis_version:${COMPATIBLE_VERSION}`,
    "redis_mode:standalone",
    `process_id:${process.pid}`,
    "# Clients",
    `blocked_clients:${waitingSessions}`,
    "# Memory",
    `used_memory:${process.memoryUsage().rss}`,
    "# Persistence",
    "loading:0",
    "aof_enabled:1",
    "# Replication",
    "role:master",
    "# Keyspace",
    ...(keyspace.size > 0 ? [`db0:keys=${keyspace.size},expires=${keyspace.mortalCount},avg_ttl=0`] : []),
  ];
  return bulk(`${lines.join("\r\n")}\r\n`);
}

function select([, index]: Request): Reply {
  if (integer(index) !== 0) throw new CommandError("ERR DB index is out of range");
  return OK;
}

function quit(_request: Request, { session }: Context): Reply {
  session.quitting = true;
  return OK;
}

export function sessionCommands(shutDown: () => void, waitingSessions: () => number): CommandTable {
  const shutdown: Command = {
    arity: -1,
    run: (_request, { session }) => {
      session.quitting = true; // Redis answers nothing, the connection just ends; so does ours once the server stops
      shutDown();
      return OK;
    },
  };
  return {
    auth: { arity: -2, open: true, run: auth },
    hello: { arity: -1, open: true, run: hello },
    quit: { arity: -1, open: true, run: quit },
    client: { arity: -2, run: client },
    command: { arity: -1, run: () => [] },
    info: { arity: -1, run: (_request, { keyspace }) => info(keyspace, waitingSessions()) },
    ping: { arity: -1, run: ping },
    select: { arity: 2, run: select },
    shutdown,
  };
}
