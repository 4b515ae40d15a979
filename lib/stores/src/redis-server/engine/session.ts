/** What the server knows of one client, apart from its socket. */
import type { Access, User } from "../acl.js";
import type { Protocol } from "../resp/reply.js";

export interface Session {
  readonly id: number;
  readonly access: Access;
  user: User | undefined;
  protocol: Protocol;
  name: string;
  /** Set by QUIT: the connection ends after the answer. */
  quitting: boolean;
}

export function newSession(id: number, access: Access, user?: User): Session {
  return { id, access, user, protocol: 2, name: "", quitting: false };
}
