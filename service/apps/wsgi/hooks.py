# The hooks of a gunicorn.conf.py that belong to workers: the file is run, and what it defines is
# called with Gunicorn's signatures, at Gunicorn's moments. Run in narwhal.py's module, and only
# where there is such a file; _settings is the worker's.
import inspect
import logging
import signal
import types
import urllib.parse
from http import HTTPStatus

# How many arguments each takes; what older ones of post_request are not given is left out.
_HERE = {
    "post_fork": (2,),
    "post_worker_init": (1,),
    "pre_request": (2,),
    "post_request": (4, 3, 2),
    "worker_int": (1,),
    "worker_abort": (1,),
    "worker_exit": (2,),
}
_ELSEWHERE = ("on_starting", "on_reload", "when_ready", "pre_fork", "child_exit", "pre_exec",
              "nworkers_changed", "on_exit", "ssl_context")
_PHRASES = {status.value: status.phrase for status in HTTPStatus}
_hooks = {}


class _Facade:
    """What hooks are given: what is not there says where to read what is."""

    def __getattr__(self, name):
        raise AttributeError("%s has no %s here: docs/WSGI.md lists what hooks can ask for"
                             % (type(self).__name__, name))


class Config(_Facade):
    """The settings, by their names."""

    def __init__(self, settings):
        self.settings = settings
        for name, value in settings.items():
            setattr(self, name, value)


class _Lines(logging.Handler):
    def emit(self, record):
        try:
            _say(self.format(record), max(0, min(record.levelno // 10 - 1, ERROR)))
        except Exception:
            self.handleError(record)


class Log(_Facade):
    """The log, by Gunicorn's name for it."""

    def __init__(self, level):
        self.error_log = logger = logging.getLogger("gunicorn.error")
        logger.setLevel(level.upper())
        logger.propagate = False
        logger.handlers = [_Lines()]
        for name in ("debug", "info", "warning", "error", "critical", "exception", "log"):
            setattr(self, name, getattr(logger, name))


class Server(_Facade):
    """The arbiter."""

    def __init__(self, cfg, log):
        self.cfg, self.log = cfg, log

    @property
    def pid(self):
        return os.getppid()


class Application(_Facade):
    def __init__(self, cfg):
        self.cfg = cfg
        self.callable = None

    def wsgi(self):
        return self.callable


class Worker(_Facade):
    def __init__(self, server):
        self.cfg, self.log = server.cfg, server.log
        self.app = Application(server.cfg)
        self.wsgi = None
        self.alive = True
        self.booted = self.aborted = False

    def __str__(self):
        return "<Worker %s>" % self.pid


def _split(target):
    """The target's parts, as Gunicorn has them: a path that begins with // names no host."""
    if target.startswith("//"):
        parts = urllib.parse.urlsplit("." + target)
        return parts._replace(path=parts.path[1:])
    return urllib.parse.urlsplit(target)


class Request(_Facade):
    """Made of the environment, when it is asked."""

    def __init__(self, environ):
        self._environ = environ

    method = property(lambda self: self._environ["REQUEST_METHOD"])
    uri = property(lambda self: self._environ["RAW_URI"])
    path = property(lambda self: _split(self.uri).path or "")
    query = property(lambda self: _split(self.uri).query or "")
    fragment = property(lambda self: _split(self.uri).fragment or "")
    scheme = property(lambda self: self._environ["wsgi.url_scheme"])
    body = property(lambda self: self._environ["wsgi.input"])
    peer_addr = property(lambda self: (self._environ["REMOTE_ADDR"],
                                       int(self._environ["REMOTE_PORT"] or 0)))

    @property
    def version(self):
        return tuple(int(n) for n in self._environ["SERVER_PROTOCOL"][5:].split("."))

    @property
    def headers(self):
        """No list: what a hook would add to it, the app would not see."""
        names = [key for key in self._environ
                 if key.startswith("HTTP_") or key in ("CONTENT_TYPE", "CONTENT_LENGTH")]
        return tuple((key[5 * key.startswith("HTTP_"):].replace("_", "-"), self._environ[key])
                     for key in names)


class Response(_Facade):
    """What has become of the request."""

    def __init__(self, req):
        self.req = req
        self.status = self.status_code = self.response_length = None
        self.headers = []
        self.headers_sent = False
        self.sent = 0


class Exchange:
    """One request between its hooks."""

    def __init__(self, environ):
        self.environ = environ
        self.req = Request(environ)
        self.resp = Response(self.req)


def _function(name, value):
    """Takes what Gunicorn takes: a callable, or its dotted name."""
    if isinstance(value, str):
        module, _, attribute = value.rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
    if not callable(value):
        raise TypeError("%s is of type %s, which cannot be called" % (name, type(value).__name__))
    for count in _HERE[name]:
        try:
            inspect.signature(value).bind(*range(count))
        except TypeError:
            continue
        return value if count == _HERE[name][0] else lambda *given: value(*given[:count])
    raise TypeError("%s must take %d arguments" % (name, _HERE[name][0]))


def _tell(log, there):
    """What else the file has, and is of no use here."""
    for name in sorted(there):
        if name in _ELSEWHERE:
            log.warning("gunicorn_conf: %s is not run in workers: docs/HOOKS.md has what runs a "
                        "program then", name)
    settings = sorted(name for name in there if name in _settings and name not in _ELSEWHERE)
    if settings:
        log.warning("gunicorn_conf: no settings are taken from it (%s): `narwhal import-gunicorn` "
                    "makes a config file of them", ", ".join(settings))


def read_hooks(path, first):
    """Whether there are any of each request's. The first worker tells what the file has in vain."""
    global _server, _worker
    with open(path, "rb") as file:
        code = compile(file.read(), os.path.abspath(path), "exec")
    module = types.ModuleType("__config__")
    module.__file__ = os.path.abspath(path)
    sys.modules["__config__"] = module
    exec(code, module.__dict__)
    there = {name: value for name, value in vars(module).items() if not name.startswith("_")}
    for name in _HERE:
        if there.get(name) is not None:
            _hooks[name] = _function(name, there.pop(name))
    cfg = Config(_settings)
    _server = Server(cfg, Log(cfg.loglevel))
    _worker = Worker(_server)
    if first:
        _tell(_server.log, there)
    return "pre_request" in _hooks or "post_request" in _hooks


def _call(name, *arguments):
    if name in _hooks:
        _hooks[name](*arguments)


def _try(name, *arguments):
    """For those whose failure changes nothing any more."""
    try:
        _call(name, *arguments)
    except BaseException:
        _server.log.exception("Exception in %s hook", name)


def _abort(pid):
    """By the worker's own thread, as soon as that is in Python's hands; or in a child of the app's,
    which has the handler, too, and calls no hook."""
    if os.getpid() == pid:
        _worker.aborted, _worker.alive = True, False
        _try("worker_abort", _worker)
        _try("worker_exit", _server, _worker)
    os.abort()


def hook_abort():
    """A descriptor that says when Python has taken a signal; -1: it takes none."""
    if "worker_abort" not in _hooks:
        return -1
    pid = os.getpid()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    # Behind faulthandler, which tells the stacks and then calls whom it has found there.
    faulthandler.disable()
    signal.signal(signal.SIGABRT, lambda signum, frame: _abort(pid))
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    tell_crashes()
    return reading


def hook_fork(slot):
    _worker.age = slot + 1
    _worker.pid, _worker.ppid = os.getpid(), os.getppid()
    _call("post_fork", _server, _worker)


def hook_ready(application):
    """The app, or what the hook has put in its place."""
    _worker.wsgi = _worker.app.callable = application
    _call("post_worker_init", _worker)
    _worker.booted = True
    app = _worker.app.callable if _worker.wsgi is application else _worker.wsgi
    if not callable(app):
        raise TypeError("the app is of type %s now, which cannot be called" % type(app).__name__)
    return app


def hook_before(exchange):
    _call("pre_request", _worker, exchange.req)


def hook_answer(exchange, status, fields, size):
    resp = exchange.resp
    resp.status_code = status
    resp.status = "%d %s" % (status, _PHRASES.get(status, ""))
    resp.headers = [tuple(line.split(": ", 1))
                    for line in fields.decode("latin-1").split("\r\n") if line]
    resp.response_length = size


def hook_after(exchange, sent):
    exchange.resp.headers_sent = True
    exchange.resp.sent = sent
    _try("post_request", _worker, exchange.req, exchange.environ, exchange.resp)


def hook_leave(at_once):
    _worker.alive = False
    if at_once:
        _try("worker_int", _worker)
    _try("worker_exit", _server, _worker)
