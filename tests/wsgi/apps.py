"""WSGI apps for tests/system/wsgi.t, by the first part of the path: good ones and bad ones."""
import contextvars
import copy
import ctypes
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from wsgiref.validate import validator

TEXT = [("Content-Type", "text/plain")]
closed = []


class Closing:
    """An iterable that notes its close()."""

    def __init__(self, pieces):
        self.pieces = iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        closed.append(1)


def hello(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "6")])
    return [b"hello\n"]


def environ(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    plain = {key: value for key, value in environ.items() if isinstance(value, str)}
    return [json.dumps(plain).encode("ascii")]


@validator
def validated(environ, start_response):
    body = environ["wsgi.input"].read(1 << 20)
    environ["wsgi.errors"].write("validated writes\n")
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Seen", str(len(body)))])
    return [b"valid ", b"and whole\n"]


def digest(environ, start_response):
    stream = environ["wsgi.input"]
    digest, size = hashlib.sha256(), 0
    for piece in iter(lambda: stream.read(65536), b""):
        digest.update(piece)
        size += len(piece)
    start_response("200 OK", TEXT)
    return [("%d %s %r\n" % (size, digest.hexdigest(), stream.read())).encode()]


def size(environ, start_response):
    stream, size = environ["wsgi.input"], 0
    for piece in iter(lambda: stream.read(65536), b""):
        size += len(piece)
    start_response("200 OK", TEXT + [("Content-Length", "16")])
    return [b"%09d bytes\n" % size]


def lines(environ, start_response):
    stream = environ["wsgi.input"]
    start_response("200 OK", TEXT)
    return [repr([stream.readline(), stream.readlines(), list(stream)]).encode()]


def pieces(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing([b"one ", b"", b"two ", b"three\n"])


def sized(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "8")])
    return Closing([b"one ", b"two\n"])


def late(environ, start_response):
    """start_response() is called by the first next()."""
    start_response("201 Created", TEXT)
    yield b"late\n"


def writes(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written, ")
    write(b"twice, ")
    return [b"and returned\n"]


def writes_and_yields(environ, start_response):
    write = start_response("200 OK", TEXT)
    write(b"written, ")
    return Closing([b"and ", b"yielded\n"])


def file(environ, start_response):
    stream = open(environ["QUERY_STRING"], "rb")
    stream.seek(3)
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](stream, 8192)


def unplain_file(environ, start_response):
    """Its fileno() names other bytes than read() gives."""
    class Upper:
        def __init__(self, stream):
            self.stream = stream
            self.fileno = stream.fileno

        def read(self, size):
            return self.stream.read(size).upper()

        def close(self):
            self.stream.close()
            closed.append(1)

    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](Upper(open(environ["QUERY_STRING"], "rb")))


def counts(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"%d\n" % len(closed)]


def replaced(environ, start_response):
    start_response("200 OK", [("X-Old", "1")])
    try:
        raise KeyError("x")
    except KeyError:
        start_response("503 Service Unavailable", [("X-New", "2")], sys.exc_info())
    return [b"sorry\n"]


def replaced_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"begun\n"
    try:
        raise KeyError("too late")
    except KeyError:
        start_response("500 Oh", TEXT, sys.exc_info())
    yield b"never\n"


def latin(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Name", "caf\xe9")])
    return [environ["PATH_INFO"].encode("latin-1")]


whose = contextvars.ContextVar("whose")


def contexts(environ, start_response):
    """What a request notes for itself stays its own, whoever is served between two pieces."""
    name = environ["QUERY_STRING"]
    thread = threading.get_ident()
    start_response("200 OK", TEXT)
    whose.set(name)
    for _ in range(128):
        yield b"x" * 65536
    yield ("\n%s %s\n" % (whose.get(), thread == threading.get_ident())).encode()


def remembers(environ, start_response):
    """What an earlier request of this thread, and of no other, has noted."""
    own = threading.current_thread().name
    before = whose.get(own)    # or there was none
    whose.set(own)
    time.sleep(0.002)
    start_response("200 OK", TEXT)
    return [b"own" if before == own else b"another's"]


def thread(environ, start_response):
    start_response("200 OK", TEXT)
    return [threading.current_thread().name.encode()]


def sleeps(environ, start_response):
    environ["wsgi.errors"].write("sleeps\n")
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", TEXT)
    return [b"slept\n"]


def sleeps_and_yields(environ, start_response):
    time.sleep(float(environ["QUERY_STRING"]))
    start_response("200 OK", TEXT)
    return Closing([b"slept "] * 100)


gate = threading.Semaphore(0)


def gated(environ, start_response):
    """A piece each time that somebody opens."""
    start_response("200 OK", TEXT)
    for _ in range(2):
        yield b"piece\n"
        gate.acquire()


def opens(environ, start_response):
    gate.release()
    start_response("200 OK", TEXT)
    return []


def drips(environ, start_response):
    """Never ends, and says when it was closed."""
    class Dripping:
        def __iter__(self):
            return self

        def __next__(self):
            time.sleep(0.02)
            return b"drop\n"

        def close(self):
            environ["wsgi.errors"].write("dripped\n")

    start_response("200 OK", TEXT)
    return Dripping()


def subprocesses(environ, start_response):
    """A program that the app runs can be ended by SIGTERM."""
    child = subprocess.Popen(["/bin/sleep", "60"])
    child.terminate()
    start_response("200 OK", TEXT)
    return [b"%d\n" % child.wait()]


def prints(environ, start_response):
    environ["wsgi.errors"].write("first\nsecond")
    environ["wsgi.errors"].flush()
    environ["wsgi.errors"].writelines(["a\n", "b\n"])
    start_response("200 OK", TEXT)
    return []


def prints_oddly(environ, start_response):
    """What no text of the log can hold; the path is the client's."""
    environ["wsgi.errors"].write("odd \udc80 %s\n" % environ["PATH_INFO"])
    start_response("200 OK", TEXT)
    return [b"printed\n"]


def only_threads(environ, start_response):
    """The lock is free while the worker waits: this one counts on."""
    start_response("200 OK", TEXT)
    return [b"%d\n" % ticks[0]]


ticks = [0]


def tick(environ, start_response):
    def run():
        while True:
            ticks[0] += 1
            time.sleep(0.001)
    threading.Thread(target=run, daemon=True).start()
    start_response("200 OK", TEXT)
    return [b"begun\n"]


# The bad ones.

def nothing(environ, start_response):
    start_response("200 OK", TEXT)


def text(environ, start_response):
    start_response("200 OK", TEXT)
    return "text"


def text_pieces(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text"]


def unsaid(environ, start_response):
    return [b"no start_response()"]


def twice(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"twice"]


def raises(environ, start_response):
    raise ValueError("before it began")


def raises_oddly(environ, start_response):
    raise ValueError("odd \udc80 %s" % environ["PATH_INFO"])


def raises_begun(environ, start_response):
    start_response("200 OK", TEXT)
    raise ValueError("after it began")


def raises_midway(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"half\n"
    raise ValueError("midway")


def raises_closing(environ, start_response):
    class Raising(Closing):
        def close(self):
            raise ValueError("at the end")
    start_response("200 OK", TEXT)
    return Raising([b"whole\n"])


def exits(environ, start_response):
    sys.exit(3)


def short(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "10")])
    return [b"short"]


def long(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "3")])
    return [b"long"]


def long_pieces(environ, start_response):
    """It would never end."""
    def pieces():
        while True:
            yield b"x" * 65536
    start_response("200 OK", TEXT + [("Content-Length", environ["QUERY_STRING"] or "3")])
    return Closing(pieces())


def long_writes(environ, start_response):
    write = start_response("200 OK", TEXT + [("Content-Length", environ["QUERY_STRING"] or "3")])
    for _ in range(1000):
        write(b"x" * 65536)
    return []


def long_writes_caught(environ, start_response):
    write = start_response("200 OK", TEXT + [("Content-Length", "4")])
    write(b"abc")
    try:
        write(b"de")
    except RuntimeError:
        write(b"\n")
    return []


def long_writes_midway(environ, start_response):
    """The body is too long by its last byte."""
    write = start_response("200 OK", TEXT + [("Content-Length", "6")])

    def pieces():
        yield b"01"
        write(b"23")
        yield b"4"
        write(b"56")
        yield b"never"
    return Closing(pieces())


def writes_at_its_end(environ, start_response):
    write = start_response("200 OK", TEXT + [("Content-Length", "4")])

    class Writing(Closing):
        def close(self):
            write(b"more")
    return Writing([b"abc", b"\n"])


def makes_functions(environ, start_response):
    """Of the server's own types no other object can be made."""
    says = []
    write = start_response("200 OK", TEXT)
    for make in (type(start_response), type(write), lambda: copy.copy(start_response),
                 lambda: object.__new__(type(start_response)),
                 lambda: type("Derived", (type(start_response),), {})()):
        try:
            make()()
        except TypeError:
            says.append(b"refused ")
    return says


def short_pieces(environ, start_response):
    start_response("200 OK", TEXT + [("Content-Length", "10")])
    return iter([b"sh", b"ort"])


BAD_HEADS = {
    "status-number": (200, TEXT),
    "status-words": ("OK", TEXT),
    "status-1xx": ("100 Continue", TEXT),
    "tuple": ("200 OK", tuple(TEXT)),
    "lists": ("200 OK", [["Content-Type", "text/plain"]]),
    "three": ("200 OK", [("A", "b", "c")]),
    "number": ("200 OK", [("A", 1)]),
    "bytes": ("200 OK", [(b"A", b"b")]),
    "newline": ("200 OK", [("A", "b\r\nC: d")]),
    "nul": ("200 OK", [("A", "b\0c")]),
    "name": ("200 OK", [("A b", "c")]),
    "empty": ("200 OK", [("", "c")]),
    "wide": ("200 OK", [("A", "\u20ac")]),
    "connection": ("200 OK", [("Connection", "close")]),
    "coding": ("200 OK", [("Transfer-Encoding", "chunked")]),
    "upgrade": ("200 OK", [("upgrade", "h2c")]),
    "length": ("200 OK", [("Content-Length", "five")]),
    "lengths": ("200 OK", [("Content-Length", "3"), ("Content-Length", "4")]),
}


def head(environ, start_response):
    start_response(*BAD_HEADS[environ["QUERY_STRING"]])
    return [b"bad"]


def forever(environ, start_response):
    start_response("200 OK", TEXT)

    def pieces():
        while True:
            yield b"x" * 65536
    return Closing(pieces())


def forever_nothing(environ, start_response):
    start_response("200 OK", TEXT)
    while True:
        yield b""


def forks(environ, start_response):
    """The child comes back, too."""
    if os.fork() != 0:
        os.wait()
    start_response("200 OK", TEXT)
    return [b"%d\n" % os.getpid()]


def forks_and_exits(environ, start_response):
    pid = os.fork()
    if pid == 0:
        sys.exit(7)
    start_response("200 OK", TEXT)
    return [b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])]


def forks_and_stays(environ, start_response):
    """The child goes its own way."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    start_response("200 OK", TEXT)
    return [b"%d\n" % pid]


def closes(environ, start_response):
    os.closerange(3, 1000)
    start_response("200 OK", TEXT)
    return [b"closed\n"]


def crashes(environ, start_response):
    ctypes.string_at(0)


def app(environ, start_response):
    name = environ["PATH_INFO"].strip("/").split("/")[0]
    return globals()[name](environ, start_response)


def factory(greeting, times=1):
    def made(environ, start_response):
        start_response("200 OK", TEXT)
        return [greeting.encode() * times]
    return made


not_callable = 3
