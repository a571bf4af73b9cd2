"""What the image serves until it has an app: COPY yours to /srv/app, and name it as MODULE:NAME."""


def app(environ, start_response):
    body = b"Hello, World!\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
