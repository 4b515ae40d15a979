/**
 * Where a Redis listens: `redis://[user:password@]host[:port]`, `rediss://` with TLS, or by the path of its Unix socket:
 * `unix:/path`, or `unix://user:password@/path`, as other clients write it too; `?db=<n>` may follow. Texts without a scheme
 * (`host:port`) are left to the client.
 */
import { HarvestError } from "./errors.js";

/** As Redis clients take it. */
export interface UnixRedis {
  readonly path: string;
  readonly username?: string;
  readonly password?: string;
  readonly db?: number;
}

/** `sun_path` of Linux, less its closing zero. */
export const SOCKET_PATH_MAX_BYTES = 107;

const UNIX = /^unix:(?:\/\/(?:([^@/:]*)(?::([^@/]*))?@)?)?(\/(?!\/)[^?#]+)(?:\?db=(\d{1,9}))?$/;
const SCHEME = /^([a-z][a-z0-9+.-]*):(?=\/\/)|^unix:/i;

/** The socket and the user of a `unix:` URL; undefined for every other. OWH_BAD_CONFIG by redisUrlMistake. */
export function unixRedisOf(url: string): UnixRedis | undefined {
  const mistake = redisUrlMistake(url);
  if (mistake !== undefined) throw new HarvestError("OWH_BAD_CONFIG", `An address of Redis is wrong: it ${mistake}.`);
  const match = UNIX.exec(url);
  if (!match) return undefined;
  const [, username, password, path = "", db] = match;
  return {
    path: decodeURIComponent(path),
    ...(username ? { username: decodeURIComponent(username) } : {}),
    ...(password ? { password: decodeURIComponent(password) } : {}),
    ...(db === undefined ? {} : { db: Number(db) }),
  };
}

/** What is wrong with it, as the rest of a sentence about it; undefined when nothing is. Never has the URL in it, which may hold a password. */
export function redisUrlMistake(url: string): string | undefined {
  const scheme = SCHEME.exec(url)?.[0].toLowerCase();
  if (scheme === undefined || scheme === "redis:" || scheme === "rediss:") return undefined;
  if (scheme !== "unix:") return `begins with ${scheme}// and not with redis://, rediss:// or unix:`;
  const path = UNIX.exec(url)?.[3];
  if (path === undefined) return "names no socket: unix: is followed by an absolute path, as in unix:/run/redis/redis.sock";
  if (!isDecodable(url)) return "has a % that begins no escape";
  const bytes = Buffer.byteLength(decodeURIComponent(path));
  return bytes <= SOCKET_PATH_MAX_BYTES ? undefined : `names a path of ${bytes} bytes, and a socket's has at most ${SOCKET_PATH_MAX_BYTES}`;
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch (error) {
    if (error instanceof URIError) return false;
    throw error;
  }
}
