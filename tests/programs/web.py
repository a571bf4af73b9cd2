"""What web applications in Python ask of the kernel, for tests/system/sandbox_app.t.

Flask and Django with SQLite, each behind a server with threads, a client of PostgreSQL, and what
people use of the standard library beside them. Ends with status 0 and the line "whole".
"""
import asyncio
import concurrent.futures
import fcntl
import http.client
import logging.handlers
import mmap
import multiprocessing
import os
import pty
import random
import select
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
import wsgiref.simple_server
import zoneinfo
from socketserver import ThreadingMixIn

PLACE = tempfile.mkdtemp()


def ask(server, method, path, body=None, fields={}):
    """One request to a server that runs in a thread of its own, and the answer's body."""
    client = http.client.HTTPConnection("localhost", server.server_port, timeout=30)
    client.request(method, path, body, fields)
    answer = client.getresponse()
    content = answer.read()
    assert answer.status == 200, (path, answer.status, content)
    client.close()
    return content


def serve(server, requests):
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda request: ask(server, *request), requests))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def flask_app():
    import flask
    from werkzeug.serving import make_server

    app = flask.Flask(__name__, static_folder=PLACE)
    app.secret_key = os.urandom(16)

    @app.route("/json")
    def json():
        flask.session["seen"] = True
        return flask.jsonify(id=str(uuid.uuid4()))

    @app.route("/page")
    def page():
        return flask.render_template_string("{% for n in range(3) %}{{ n }}{% endfor %}")

    @app.route("/upload", methods=["POST"])
    def upload():
        file = flask.request.files["file"]
        path = os.path.join(PLACE, uuid.uuid4().hex)
        file.save(path)
        return flask.send_file(path)

    # Larger than what is kept in memory: it goes through a temporary file.
    part = (b'--x\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
            + b"a" * 700000 + b"\r\n--x--\r\n")
    upload_fields = {"Content-Type": "multipart/form-data; boundary=x"}
    bodies = serve(make_server("localhost", 0, app, threaded=True), [
        ("GET", "/json"), ("GET", "/page"), ("POST", "/upload", part, upload_fields)] * 4)
    assert bodies[1] == b"012" and len(bodies[2]) == 700000


class ThreadedServer(ThreadingMixIn, wsgiref.simple_server.WSGIServer):
    pass


def django_app():
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="x", ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], USE_TZ=True, TIME_ZONE="Europe/Zurich",
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
        MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
                    "django.contrib.auth.middleware.AuthenticationMiddleware"],
        CACHES={"default": {"BACKEND": "django.core.cache.backends.filebased.FileBasedCache", "LOCATION": PLACE}},
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.path.join(PLACE, "db")}})
    django.setup()
    from django.contrib.auth.models import User
    from django.core.cache import cache
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpResponse
    from django.urls import path

    def view(request):
        request.session["seen"] = time.time()
        cache.set("key", "value")
        return HttpResponse(f"{User.objects.count()} {cache.get('key')}")

    global urlpatterns
    urlpatterns = [path("", view)]
    call_command("migrate", verbosity=0)
    User.objects.create_user("somebody", password="secret")
    server = wsgiref.simple_server.make_server(
        "localhost", 0, get_wsgi_application(), ThreadedServer, wsgiref.simple_server.WSGIRequestHandler)
    assert serve(server, [("GET", "/")]) == [b"1 value"]


def postgresql_client():
    import psycopg2

    with socket.create_server(("localhost", 0)) as nobody:
        port = nobody.getsockname()[1]
    for host in "localhost", PLACE:
        try:
            psycopg2.connect(host=host, port=port, dbname="x", user="x", sslmode="prefer", connect_timeout=5)
        except psycopg2.OperationalError:
            continue
        raise AssertionError("somebody answered")


def databases_in_files():
    with sqlite3.connect(os.path.join(PLACE, "wal")) as database:
        database.execute("pragma journal_mode=wal")
        database.execute("create table t (n)")
        database.executemany("insert into t values (?)", ((n,) for n in range(1000)))
    with open(os.path.join(PLACE, "lock"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX)
        os.posix_fallocate(file.fileno(), 0, 4096)
    with mmap.mmap(-1, 1 << 20) as memory:
        memory[0] = 1


def square(n):
    return n * n


async def loops():
    process = await asyncio.create_subprocess_exec("/bin/echo", "x", stdout=subprocess.PIPE)
    assert (await process.communicate())[0] == b"x\n"
    await asyncio.gather(*(asyncio.sleep(0.001) for _ in range(10)))
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "localhost", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
    await reader.read()
    writer.close()
    server.close()


def processes():
    assert subprocess.run(["/bin/sh", "-c", "ls / | wc -l"], capture_output=True, check=True).stdout
    with multiprocessing.Pool(2) as pool:
        assert pool.map(square, range(10))[9] == 81
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(square, (3,)) == 9
    asyncio.run(loops())
    main, other = pty.openpty()
    assert os.isatty(other) and os.get_terminal_size(other)
    os.close(main)


def the_rest():
    ssl.create_default_context()
    random.SystemRandom().random()
    zoneinfo.ZoneInfo("UTC")
    handler = logging.handlers.RotatingFileHandler(os.path.join(PLACE, "log"), maxBytes=10, backupCount=1)
    logging.getLogger("x").addHandler(handler)
    for _ in range(3):
        logging.getLogger("x").warning("a line")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    assert signal.sigwait({signal.SIGALRM}) == signal.SIGALRM
    with select.epoll() as poll:
        poll.poll(0)
    try:
        urllib.request.urlopen("http://nowhere.invalid/", timeout=5)
    except OSError:
        pass


if __name__ == "__main__":
    for part in (flask_app, django_app, postgresql_client, databases_in_files, processes, the_rest):
        part()
        print(part.__name__, flush=True)
    print("whole")
    sys.stdout.flush()
