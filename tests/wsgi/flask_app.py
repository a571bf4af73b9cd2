"""As it stands in Flask's own quick start, and a file upload."""
import hashlib

from flask import Flask, abort, request, send_file, stream_with_context

app = Flask(__name__)


@app.route("/")
def hello():
    return "Hello, World!"


@app.route("/upload", methods=["POST"])
def upload():
    file = request.files["file"]
    digest = hashlib.sha256()
    for piece in iter(lambda: file.stream.read(65536), b""):
        digest.update(piece)
    return "%s %s\n" % (request.form["name"], digest.hexdigest())


@app.route("/json", methods=["POST"])
def json():
    return {"got": request.get_json()["a"], "from": request.remote_addr, "url": request.url}


@app.route("/file")
def file():
    return send_file(__file__, mimetype="text/x-python", conditional=True)


@app.route("/stream")
def stream():
    @stream_with_context
    def pieces():
        for n in range(3):
            yield "%s%d\n" % (request.path, n)
    return pieces(), {"Content-Type": "text/plain"}


@app.route("/error")
def error():
    app.logger.warning("about to fail")
    return str(1 / 0)


@app.route("/missing")
def missing():
    abort(404)


debugging = Flask("debugging")
debugging.debug = True


@debugging.route("/error")
def debug_error():
    secret_name = "shown on the page"
    return secret_name + 1


def create_debugger():
    from werkzeug.debug import DebuggedApplication
    return DebuggedApplication(debugging, evalex=False)
