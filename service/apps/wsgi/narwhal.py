# What a worker does for a WSGI app in Python, because no request waits for it: loading the app,
# telling of exceptions, files, the environment's streams. Run once in each worker, as a module
# without a name; _log(), _forked() and _descriptor are the worker's.
import faulthandler
import importlib
import io
import os
import stat
import subprocess
import sys
import traceback

ERROR = 3
_LINE = 1500    # characters: a line of the log takes 4096 bytes, and a few are escaped


def _plain(text):
    """What the log can hold: clients choose some of it, and a NUL or a lone surrogate is none."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _say(text, level=ERROR):
    for line in _plain(text).splitlines():
        for at in range(0, max(len(line), 1), _LINE):
            _log(level, line[at:at + _LINE])


def _call_literally(name, module, call):
    """factory("x", debug=True): what Gunicorn takes, too."""
    import ast
    if not isinstance(call.func, ast.Name):
        raise ValueError("%s: allowed is a name, or a call of one" % name)
    arguments = [ast.literal_eval(argument) for argument in call.args]
    keywords = {word.arg: ast.literal_eval(word.value) for word in call.keywords}
    return getattr(module, call.func.id)(*arguments, **keywords)


def _look_up(name, module, expression):
    import ast
    body = ast.parse(expression, mode="eval").body
    if isinstance(body, ast.Call):
        return _call_literally(name, module, body)
    app = module
    for part in expression.split("."):
        app = getattr(app, part)
    return app


def search(name, path):
    """What is loaded from here on is looked for there, too."""
    sys.argv = [name]
    sys.path[0:0] = path


def load(name):
    """MODULE, MODULE:NAME or MODULE:FACTORY()"""
    module, _, expression = name.partition(":")
    app = _look_up(name, importlib.import_module(module), expression or "application")
    if not callable(app):
        raise TypeError("it is of type %s, which cannot be called" % type(app).__name__)
    return app


def essence(error):
    """An exception in one line, with the innermost place in a file."""
    last = _plain(traceback.format_exception_only(type(error), error)[-1].strip())
    places = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError):
        places.append(error)
    places = [place for place in places if place.filename and not place.filename.startswith("<")]
    if not places:
        return last
    return "%s (%s, line %s)" % (last, _plain(places[-1].filename), places[-1].lineno)


def report(error):
    """Its traceback to the log, line by line."""
    _say("".join(traceback.format_exception(type(error), error, error.__traceback__)))


def tell_crashes():
    """A crash, or the signal by which the arbiter ends a worker that hangs, tells where each thread
    was: to the arbiter, which logs it."""
    faulthandler.enable(file=_descriptor, all_threads=True)


def _fork_child():
    """What the app forks is no worker: standard error must do."""
    _forked()
    faulthandler.enable(file=2, all_threads=True)


def leave(error):
    """The end of a process that the app has forked, and that came back into the worker."""
    status = 1
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else int(error.code is not None)
    elif error is not None:
        report(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class _Errors:
    """wsgi.errors"""
    encoding = "utf-8"

    def __init__(self):
        self._rest = ""

    def write(self, text):
        lines = (self._rest + text).split("\n")
        self._rest = lines.pop()
        for line in lines:
            _say(line)
        return len(text)

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        rest, self._rest = self._rest, ""
        if rest:
            _say(rest)

    def isatty(self):
        return False


errors = _Errors()


class FileWrapper:
    """wsgi.file_wrapper"""

    def __init__(self, filelike, blksize=8192):
        self.filelike = filelike
        self.blksize = blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self):
        return self

    def __next__(self):
        data = self.filelike.read(self.blksize)
        if data:
            return data
        raise StopIteration


# Others may give other bytes than the file has that their fileno() names: gzip.GzipFile does.
_PLAIN = (io.BufferedReader, io.BufferedRandom, io.FileIO)


def place(wrapper):
    """Descriptor, offset and size, where the kernel can send it; else None."""
    filelike = wrapper.filelike
    if type(filelike) not in _PLAIN:
        return None
    try:
        status = os.fstat(filelike.fileno())
        at = filelike.tell()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return filelike.fileno(), at, max(0, status.st_size - at)


def open_spool(descriptor):
    """wsgi.input of a large body"""
    return io.open(descriptor, "rb")


class _Nothing(io.BufferedIOBase):
    """wsgi.input without a body: has no state, so that all requests can have it."""

    def read(self, size=-1):
        return b""

    read1 = readline = read

    def readlines(self, hint=-1):
        return []

    def __iter__(self):
        return iter(())

    def readable(self):
        return True

    def close(self):
        pass


nothing = _Nothing()
in_memory = io.BytesIO


def _there(paths):
    return sorted({os.path.abspath(path) for path in paths if path and os.path.exists(path)})


def module_paths():
    return _there(sys.path)


def prefixes():
    return _there([sys.prefix, sys.base_prefix, sys.exec_prefix])


def start_threads(count, serve):
    import threading
    for n in range(count):
        threading.Thread(target=serve, name="narwhal-%d" % (n + 1), daemon=True).start()


def freeze():
    """What is there by now is left alone by the collector, which writes into what it looks at: so it
    stays shared among the workers that are forked from here on."""
    import gc
    gc.collect()
    gc.freeze()


def _by_fork(fork_exec):
    """CPython 3.14 has no _USE_VFORK: there vfork(2) is kept from who has a preexec_fn, the last argument."""
    def call(*arguments):
        return fork_exec(*arguments[:-1], arguments[-1] or _nothing)
    return call


def _nothing():
    pass


# The worker blocks the signals that it takes by descriptor. Behind fork(2) its C library gives a
# child its own again; behind vfork(2) nobody would, and a child could not be terminated.
subprocess._USE_VFORK = False
subprocess._USE_POSIX_SPAWN = False
if sys.version_info >= (3, 14):
    subprocess._fork_exec = _by_fork(subprocess._fork_exec)
tell_crashes()
os.register_at_fork(after_in_child=_fork_child)
