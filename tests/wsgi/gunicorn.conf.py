"""Of a user who comes from Gunicorn, for tests/system/wsgi_hooks.t: each hook says how it was called."""
import os

bind = "127.0.0.1:1"
workers = 7
worker_class = "gthread"
_fails = os.environ.get("FAILS", "")


def on_starting(server):
    raise RuntimeError("a server's hook in a worker")


def child_exit(server, worker):
    raise RuntimeError("another one")


def _fail(name):
    if _fails == name:
        raise ValueError("%s fails" % name)


def post_fork(server, worker):
    server.log.info("post_fork server=%s worker=%s age=%s", server.pid == os.getppid(),
                    worker.pid == os.getpid(), worker.age)
    worker.mark = "kept"
    _fail("post_fork")


def post_worker_init(worker):
    worker.log.info("post_worker_init %s %s", worker.mark, worker.cfg.workers)
    _fail("post_worker_init")
    app = worker.wsgi

    def wrapped(environ, start_response):
        environ["hooks.wrapped"] = "yes"
        return app(environ, start_response)
    worker.wsgi = wrapped


def pre_request(worker, req):
    worker.log.debug("%s %s", req.method, req.path)
    if req.path == "/refused":
        raise ValueError("no %s" % req.uri)
    if req.path == "/missing":
        worker.sockets


def post_request(worker, req, environ, resp):
    fields = dict(req.headers)
    worker.log.info("post_request %s %s|%s|%s %s sent=%s %s %s", req.method, req.path, req.query,
                    req.version, resp.status, resp.sent, fields.get("X-TWO"),
                    environ.get("hooks.wrapped"))
    if req.path == "/pieces":
        worker.log.info("%s", resp.headers)
    _fail("post_request")


def worker_int(worker):
    worker.log.info("worker_int alive=%s", worker.alive)


def worker_abort(worker):
    worker.log.warning("worker_abort aborted=%s", worker.aborted)


def worker_exit(server, worker):
    worker.log.info("worker_exit %s %s", server.pid == os.getppid(), worker)
