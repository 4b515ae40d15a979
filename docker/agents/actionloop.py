"""The agent of actionloop runtimes: stands between the proxy and the action, in its container.

    proxy --stdin, one JSON line a run--> agent --stdin--> action
    proxy <--fd 3, one JSON line a run--- agent <--fd 3--- action

Around each run: take `$harvest` out, ask the node agent to apply, let the action work, tell the node agent of the end, leave one
marked line on stdout, hand the answer on. The proxy writes its sentinels after it has the answer, so the line is always before them.

actionloop.N1  User code never sees `$harvest`, wherever it comes from. All other input is handed on byte by byte.
actionloop.N2  The node agent is waited for no longer than ASK_S at each end; then the run goes on with what it has.
actionloop.N3  One line per run, in one write.
actionloop.N4  Nothing that goes wrong here changes what the run answers, and the agent ends as the action ends.

What it imports is little, for its memory counts against the function's.
"""

import json
import os
import signal
import socket
import sys
import time

# Unless the invoker's configuration says otherwise.
ASK_S = float(os.environ.pop("__OW_HARVEST_ASK_MS", 50)) / 1000
# Before user code is loaded, once in a container's life: worth a longer wait.
BIND_S = 0.2
DEFAULT_PORT = 3237
MARK = "XHARVEST "
# PIPE_BUF: a write of up to so many bytes is not mixed with others.
MAX_LINE_BYTES = 4096
BYTES_PER_MB = 1 << 20
PR_SET_PDEATHSIG = 1
CGROUP = "/sys/fs/cgroup/"


def default_gateway():
    """Of /proc/net/route: addresses are hexadecimal, least significant byte first."""
    with open("/proc/net/route") as routes:
        for row in routes:
            fields = row.split()
            if len(fields) > 2 and fields[1] == "00000000" and fields[2] != "00000000":
                return ".".join(str(int(fields[2][at : at + 2], 16)) for at in (6, 4, 2, 0))
    return None


def node_agent_address():
    named = os.environ.get("__OW_HARVEST_NODE_AGENT")
    if not named:
        return default_gateway(), DEFAULT_PORT
    host, colon, port = named.rpartition(":")
    return (host, int(port)) if colon else (named, DEFAULT_PORT)


class NodeAgent:
    """Short questions over one kept connection; None for whatever goes wrong."""

    def __init__(self):
        self.connection = None
        try:
            self.address = node_agent_address()
        except (OSError, ValueError):
            self.address = (None, 0)

    def ask(self, path, question, wait_s):
        if self.address[0] is None:
            return None
        until = time.monotonic() + wait_s
        reused = self.connection is not None
        try:
            return self.post(path, question, until)
        except (OSError, ValueError) as error:
            self.close()
            # The connection was closed while it lay idle, perhaps while this container was paused.
            if not reused or isinstance(error, socket.timeout):
                return None
        try:
            return self.post(path, question, until)
        except (OSError, ValueError):
            self.close()
            return None

    def post(self, path, question, until):
        body = json.dumps(question).encode()
        if self.connection is None:
            self.connection = socket.create_connection(self.address, timeout=max(0.001, until - time.monotonic()))
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = "POST %s HTTP/1.1\r\nhost: node-agent\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
        self.connection.settimeout(max(0.001, until - time.monotonic()))
        self.connection.sendall((head % (path, len(body))).encode() + body)
        return self.answer(until)

    def answer(self, until):
        """Status and text. The node agent always says the length."""
        received = b""
        while True:
            head, end, text = received.partition(b"\r\n\r\n")
            if end:
                lines = head.decode("latin1").lower().split("\r\n")
                length = [int(line.split(":")[1]) for line in lines if line.startswith("content-length:")][0]
                if len(text) >= length:
                    if "connection: close" in lines:
                        self.close()
                    return int(lines[0].split()[1]), text[:length].decode()
            self.connection.settimeout(max(0.001, until - time.monotonic()))
            part = self.connection.recv(8192)
            if not part:
                raise OSError("closed")
            received += part

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


def text_of(name):
    with open(CGROUP + name) as file:
        return file.read()


def keyed(text, key):
    for line in text.split("\n"):
        if line.startswith(key + " "):
            return int(line.split()[1])
    return 0


class OwnGroup:
    """What a container can read of itself, for the line of a run for which there was no node agent."""

    def __init__(self):
        self.v2 = os.path.exists(CGROUP + "cpu.stat")
        self.enforcement = "cgroup-v2" if self.v2 else "cgroup-v1"

    def read(self):
        """Time in ms, CPU time and throttled time in us, working set in bytes."""
        now_ms = time.monotonic() * 1000
        if self.v2:
            stat = text_of("cpu.stat")
            used = int(text_of("memory.current")) - keyed(text_of("memory.stat"), "inactive_file")
            return now_ms, keyed(stat, "usage_usec"), keyed(stat, "throttled_usec"), max(0, used)
        used = int(text_of("memory/memory.usage_in_bytes")) - keyed(text_of("memory/memory.stat"), "total_inactive_file")
        throttled_ns = keyed(text_of("cpu/cpu.stat"), "throttled_time")
        return now_ms, int(text_of("cpuacct/cpuacct.usage")) / 1000, throttled_ns / 1000, max(0, used)

    def limits(self):
        if self.v2:
            quota, period = text_of("cpu.max").split()
            quota = -1 if quota == "max" else int(quota)
            memory = int(text_of("memory.max"))
        else:
            quota, period = int(text_of("cpu/cpu.cfs_quota_us")), text_of("cpu/cpu.cfs_period_us")
            memory = int(text_of("memory/memory.limit_in_bytes"))
        limits = {"memoryMb": memory / BYTES_PER_MB}
        if quota > 0:
            limits["cpuCores"] = quota / int(period)
        return limits


def attempt(work, *arguments):
    """actionloop.N4"""
    try:
        return work(*arguments)
    except Exception:
        return None


class Run:
    """One run, from its line of input to its answer."""

    def __init__(self, node_agent, group, line, cold):
        self.node_agent, self.group, self.cold = node_agent, group, cold
        self.line, self.key, self.terms = line, {}, None
        self.message = attempt(json.loads, line)
        if not isinstance(self.message, dict):
            self.message = {}
        self.activation_id = self.message.get("activation_id")
        self.take_harvest()

    def take_harvest(self):
        """actionloop.N1"""
        value = self.message.get("value")
        if not isinstance(value, dict) or "$harvest" not in value:
            return
        harvest = value.pop("$harvest")
        self.line = json.dumps(self.message).encode() + b"\n"
        if isinstance(harvest, dict):
            self.key = {name: harvest[name] for name in ("k", "d") if isinstance(harvest.get(name), str)}

    def begin(self):
        question = {"activationId": self.activation_id, "cold": self.cold, "running": 1, **self.key}
        deadline = attempt(float, self.message.get("deadline"))
        if deadline:
            question["deadlineMs"] = deadline
        answer = self.node_agent.ask("/v1/run", question, ASK_S)
        if answer and answer[0] == 200:
            self.terms = attempt(json.loads, answer[1])
        self.before = attempt(self.group.read)

    def end(self, result):
        after = attempt(self.group.read)
        outcome = outcome_of(result)
        answer = None
        if self.terms:
            answer = self.node_agent.ask("/v1/end", {"activationId": self.activation_id, "outcome": outcome}, ASK_S)
        told = answer[1] if answer and answer[0] == 200 and answer[1].startswith(MARK) else None
        line = told or attempt(self.own_line, after, outcome)
        encoded = line.encode() + b"\n" if line and "\n" not in line else b""
        if encoded and len(encoded) <= MAX_LINE_BYTES:
            attempt(os.write, 1, encoded)

    def own_line(self, after, outcome):
        (at, cpu, throttled, used), (at_after, cpu_after, throttled_after, used_after) = self.before, after
        limits = None if self.terms else self.group.limits()
        known = self.terms or {"mode": "off", "enforcement": self.group.enforcement, "allocated": limits, "user": limits}
        duration_ms, cpu_ms = max(0, at_after - at), max(0, cpu_after - cpu) / 1000
        mean = cpu_ms / duration_ms if duration_ms > 0 else 0
        k = {"k": self.key["k"]} if "k" in self.key else {}
        seen = {"durationMs": duration_ms, "cpuTimeMs": cpu_ms, "cpuMeanCores": mean, "cpuPeakCores": mean}
        seen["throttledMs"] = max(0, throttled_after - throttled) / 1000
        seen["memoryPeakMb"] = max(used, used_after) / BYTES_PER_MB
        seen["samples"] = 2
        line = {"v": 1, "activationId": self.activation_id, **k, **known, "cold": self.cold, **seen, "outcome": outcome}
        return MARK + json.dumps(line)


def outcome_of(result):
    """As the invoker takes a run's answer."""
    answer = attempt(json.loads, result) if result else None
    if not isinstance(answer, (dict, list)):
        return "action developer error"
    return "application error" if isinstance(answer, dict) and "error" in answer else "success"


def start_action(command):
    """The action with pipes in place of the proxy's; it dies with the agent, as it would die with the proxy's word."""
    to_read, to_write = os.pipe()
    back_read, back_write = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        try:
            import ctypes

            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        except Exception:
            pass  # then it ends when its stdin does
        if os.getppid() != parent:
            os._exit(1)
        # Above the numbers that dup2 overwrites.
        to_read, back_write = os.dup(to_read), os.dup(back_write)
        os.dup2(to_read, 0)
        os.dup2(back_write, 3)
        try:
            os.execv(command, [command])
        finally:
            os._exit(127)
    os.close(to_read)
    os.close(back_write)
    return pid, os.fdopen(to_write, "wb", buffering=0), os.fdopen(back_read, "rb")


def write_all(fd, data):
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def bind(node_agent):
    namespace, name = os.environ.get("__OW_NAMESPACE"), os.environ.get("__OW_ACTION_NAME", "")
    if namespace:
        action = "/".join(name.split("/")[2:])
        node_agent.ask("/v1/container", {"namespace": namespace, **({"action": action} if action else {})}, BIND_S)


def end_as(pid):
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status) if hasattr(os, "waitstatus_to_exitcode") else status >> 8
    os._exit(code if code >= 0 else 128 - code)


def main():
    node_agent, group = NodeAgent(), OwnGroup()
    os.environ.pop("__OW_HARVEST_NODE_AGENT", None)  # the action has as little of us in its environment as without us
    bind(node_agent)
    pid, action, answers = start_action(sys.argv[1])
    os.set_inheritable(3, False)
    if os.environ.get("__OW_WAIT_FOR_ACK"):
        ack = answers.readline()
        if not ack:
            end_as(pid)
        write_all(3, ack)
    cold = True
    # With nothing under way, the action's end is ours at once: the proxy looks for it.
    def idle(*_):
        end_as(pid)

    signal.signal(signal.SIGCHLD, idle)
    for line in iter(sys.stdin.buffer.readline, b""):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        run = Run(node_agent, group, line, cold)
        cold = False
        run.begin()
        result = b""
        try:
            write_all(action.fileno(), run.line)
            result = answers.readline()
        except BrokenPipeError:
            pass
        run.end(result)
        if not result:
            end_as(pid)
        write_all(3, result)
        signal.signal(signal.SIGCHLD, idle)
    action.close()
    end_as(pid)


main()
