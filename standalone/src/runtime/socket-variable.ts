/** Where the runtime learns its socket from. It removes the variable before user code runs. */
export const SOCKET_VARIABLE = "__OWH_SOCKET";
