"""The python action runtime: what runs inside an action container of the embedded OpenWhisk, in any python from 3.8 on.

It speaks OpenWhisk's /init and /run (openwhisk-protocol, 4.1) as apache/openwhisk-runtime-python does (its launcher.py
behind openwhisk-runtime-go's proxy), on the Unix socket that __OWH_SOCKET names, or on port 8080 when it names none.

  new --/init--> ready <--/run--> running
    |                                |
    +--failed--> stopped             +--user code left (sys.exit)--> the process ends after its answer

runtime.P1  One /init, and one /run at a time: requests are served one after the other.
runtime.P2  The sentinels are on both streams before a run, or a failed initialization, is answered.
runtime.P3  Whatever user code raises or returns, there is an answer; only os._exit and signals prevent it.
runtime.P4  Nothing is imported that actions rarely need: http.server alone would double the time of a cold start.

Known difference: the proxy runs user code in a child process, this runtime in its own; so os._exit ends the container.
"""
import json
import os
import socket
import sys

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
SOCKET_VARIABLE = "__OWH_SOCKET"
CONTAINER_PORT = 8080
MAX_HEAD_BYTES = 64 * 1024
# Base64 of the largest code there is, 48 MB, and its JSON.
MAX_BODY_BYTES = 72 * 1024 * 1024
# What an archive may unfold to; code is at most 48 MB.
MAX_UNPACKED_BYTES = 512 * 1024 * 1024
MAIN_MODULE = "__main__.py"
REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 502: "Bad Gateway"}

# User code may replace sys.stdout, and close what it finds there; these are ours.
STREAMS = (os.dup(1), os.dup(2))


class Refusal(Exception):
    """An answer that is an error of the caller or the action: status and text."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status


class Runtime:
    def __init__(self):
        self.main = None
        self.stopped = False
        self.left = False

    def init(self, body):
        if self.main is not None or self.stopped:
            raise Refusal(403, "Cannot initialize the action more than once.")
        value = fields_of(fields_of(body).get("value"))
        code, name = value.get("code"), value.get("main") or "main"
        if not isinstance(code, str) or code == "" or not isinstance(name, str):
            raise Refusal(403, "Missing main/no code to execute.")
        for key, setting in fields_of(value.get("env")).items():
            os.environ[key] = environment_text(setting)
        try:
            self.main = load(code, name, value.get("binary") is True)
        except BaseException as error:
            self.stopped = True
            print_error(error)
            write_sentinels()
            raise Refusal(502, "Initialization has failed due to: %s" % describe(error))
        return b'{"ok":true}'

    def run(self, body):
        if self.main is None:
            raise Refusal(403, "Cannot invoke an uninitialized action.")
        arguments = fields_of(body)
        for key, field in arguments.items():
            if key != "value" and isinstance(field, str):
                os.environ["__OW_" + key.upper()] = field
        value = arguments.get("value")
        try:
            return self.call({} if value is None else value)
        finally:
            write_sentinels()

    def call(self, value):
        """An exception is an error that the action reports (launcher.py), leaving the process is one that it suffers."""
        try:
            result = self.main(value)
        except Exception as error:
            print_error(error)
            result = {"error": describe(error)}
        except BaseException as error:
            raise self.leave(error)
        if not isinstance(result, (dict, list, tuple)):
            raise Refusal(502, "The action did not return a dictionary or array.")
        try:
            return json.dumps(result, ensure_ascii=False, allow_nan=False).encode("utf-8")
        except Exception as error:
            raise self.leave(error)

    def leave(self, error):
        """The proxy's words when its child has ended; launcher.py ends on results that are no JSON, too."""
        self.left = True
        if not isinstance(error, SystemExit):
            print_error(error)
        return Refusal(400, "command exited")


def load(code, name, binary):
    """The function of this name, from the text of a module or from an archive with __main__.py at its root."""
    if binary:
        os.chdir(unpack(code))
        activate_virtualenv()
        if not os.path.exists(MAIN_MODULE):
            raise Failure("Zip file does not include %s." % MAIN_MODULE)
        with open(MAIN_MODULE, "rb") as file:
            code = file.read()
    sys.path.insert(0, os.getcwd())
    sys.argv = [MAIN_MODULE]
    # The images' name for it: what stands under `if __name__ == "__main__"` does not run.
    module = type(sys)("main__")
    module.__file__ = os.path.join(os.getcwd(), MAIN_MODULE)
    sys.modules["main__"] = module
    remember_source(module.__file__, code)
    exec(compile(code, module.__file__, "exec"), module.__dict__)
    main = getattr(module, name, None)
    if not callable(main):
        raise Failure("Action entrypoint '%s' is not a function." % name)
    return main


class Failure(Exception):
    """Something is wrong with the action, and its text says all."""


def remember_source(path, code):
    """So that tracebacks of a single-file action show their lines; there is no such file."""
    import linecache

    text = code if isinstance(code, str) else code.decode("utf-8", "replace")
    linecache.cache[path] = (len(text), None, text.splitlines(True), path)


def unpack(base64_text):
    import base64
    import io
    import tempfile
    import zipfile

    try:
        archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(base64_text, validate=True)))
    except (ValueError, zipfile.BadZipFile) as error:
        raise Failure("There was an error uncompressing the action archive: %s" % error)
    folder = tempfile.mkdtemp(prefix="action-", dir=os.getcwd())
    with archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_UNPACKED_BYTES:
            raise Failure("There was an error uncompressing the action archive: it unfolds to more than %d bytes." % MAX_UNPACKED_BYTES)
        for entry in archive.infolist():
            extract(archive, entry, folder)
    return folder


def extract(archive, entry, folder):
    """zipfile drops the executable bits that Unix archivers store, and makes no symbolic links."""
    path = os.path.normpath(os.path.join(folder, entry.filename))
    if not (path + os.sep).startswith(folder + os.sep):
        raise Failure("There was an error uncompressing the action archive: its entry %r lies outside of it." % entry.filename)
    written = archive.extract(entry, folder)
    if (entry.external_attr >> 16) & 0o111 and os.path.isfile(written):
        os.chmod(written, 0o755)


def activate_virtualenv():
    """As launcher.py: a folder `virtualenv` in the archive; one that was made without activate_this.py works, too."""
    folder = os.path.abspath("virtualenv")
    if not os.path.isdir(folder):
        return
    script = os.path.join(folder, "bin", "activate_this.py")
    if os.path.exists(script):
        with open(script, "rb") as file:
            exec(compile(file.read(), script, "exec"), {"__file__": script, "__name__": "__main__"})
        return
    import glob
    import site

    packages = glob.glob(os.path.join(folder, "lib", "python3*", "site-packages"))
    if not packages:
        raise Failure("Invalid virtualenv. Zip file does not include 'activate_this.py'.")
    for each in packages:
        sys.path.insert(0, each)
        site.addsitedir(each)


def fields_of(value):
    return value if isinstance(value, dict) else {}


def environment_text(value):
    """As the invoker's other runtimes: falsy values become the empty text."""
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    if value is True:
        return "true"
    return str(value) if value else ""


def describe(error):
    """runtime.P3: an exception may refuse to be turned into text."""
    try:
        return str(error) or type(error).__name__
    except Exception:
        return type(error).__name__


def print_error(error):
    """The traceback without our own frames, to the activation's log."""
    import traceback

    try:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
            trace = trace.tb_next
        traceback.print_exception(type(error), error, trace, file=sys.stderr)
    except BaseException:
        os.write(STREAMS[1], b"An error that cannot be shown as text.\n")


def write_sentinels():
    for stream, ours in zip((sys.stdout, sys.stderr), STREAMS):
        try:
            stream.flush()
        except Exception:
            pass  # user code has closed or replaced it
        write_all(ours, SENTINEL.encode())


def write_all(descriptor, data):
    while data:
        data = data[os.write(descriptor, data):]


# The wire: just enough of HTTP/1.1 for an invoker.


def serve(listener, runtime):
    while not runtime.left:
        connection, _ = listener.accept()
        with connection:
            try:
                serve_connection(connection, runtime)
            except OSError:
                pass  # the caller has gone


def serve_connection(connection, runtime):
    pending = bytearray()
    while not runtime.left:
        head = read_head(connection, pending)
        if head is None:
            return
        method, path, headers = head
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            send(connection, 400, error_text("Bad request."), False)
            return
        if not read_until(connection, pending, int(length)):
            return
        body = bytes(pending[: int(length)])
        del pending[: int(length)]
        status, answer = answer_to(runtime, method, path, body)
        keep = headers.get("connection", "").lower() != "close" and not runtime.left
        send(connection, status, answer, keep)
        if not keep:
            return


def error_text(text):
    return json.dumps({"error": text}).encode("utf-8")


def answer_to(runtime, method, path, body):
    handler = {"/init": runtime.init, "/run": runtime.run}.get(path)
    if method != "POST" or handler is None:
        return 404, error_text("Not found.")
    try:
        request = json.loads(body) if body else {}
    except ValueError as error:
        return 400, error_text("Error unmarshaling request: %s" % error)
    try:
        return 200, handler(request)
    except Refusal as refusal:
        return refusal.status, error_text(str(refusal))


def read_head(connection, pending):
    """Method, path and headers; None when the connection has ended or its other end does not speak HTTP."""
    while b"\r\n\r\n" not in pending:
        if len(pending) > MAX_HEAD_BYTES or not receive(connection, pending):
            return None
    head, _, rest = bytes(pending).partition(b"\r\n\r\n")
    pending[:] = rest
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        return None
    pairs = (line.partition(":") for line in lines[1:])
    return words[0], words[1], {name.strip().lower(): value.strip() for name, _, value in pairs}


def read_until(connection, pending, length):
    while len(pending) < length:
        if not receive(connection, pending):
            return False
    return True


def receive(connection, pending):
    chunk = connection.recv(256 * 1024)
    pending += chunk
    return bool(chunk)


def send(connection, status, text, keep):
    head = "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: %s\r\n\r\n" % (
        status,
        REASONS[status],
        len(text),
        "keep-alive" if keep else "close",
    )
    connection.sendall(head.encode("latin-1") + text)


def listen():
    path = os.environ.pop(SOCKET_VARIABLE, None)
    if path is None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", CONTAINER_PORT))
    else:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind(path)
    listener.listen(16)
    return listener


if __name__ == "__main__":
    del sys.path[0]  # our own folder
    # Lines reach the log as they are printed, in the order of both streams.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)
    serve(listen(), Runtime())
    sys.stdout.flush()
    os._exit(0)
