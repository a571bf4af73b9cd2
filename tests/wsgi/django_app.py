"""A whole Django project in a file: a template, a model in sqlite, an upload, the debug page."""
import hashlib
import os

import django
from django.conf import settings

settings.configure(
    DEBUG=os.environ.get("DEBUG") == "1",
    SECRET_KEY="none",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["DATABASE"]}},
    TEMPLATES=[{
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {"loaders": [("django.template.loaders.locmem.Loader", {
            "list.html": "<ul>{% for note in notes %}<li>{{ note.0 }}: {{ note.1 }}</li>{% endfor %}</ul>",
        })]},
    }],
)
django.setup()

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import FileResponse, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path


def notes(request):
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT)")
        if request.method == "POST":
            cursor.execute("INSERT INTO note (text) VALUES (%s)", [request.POST["text"]])
        cursor.execute("SELECT id, text FROM note ORDER BY id LIMIT 20")
        return render(request, "list.html", {"notes": cursor.fetchall()})


def upload(request):
    digest = hashlib.sha256()
    for piece in request.FILES["file"].chunks():
        digest.update(piece)
    return HttpResponse("%s\n" % digest.hexdigest())


def body(request):
    return HttpResponse(request.body)


def file(request):
    return FileResponse(open(__file__, "rb"))


def stream(request):
    return StreamingHttpResponse("%d\n" % n for n in range(3))


def error(request):
    return HttpResponse(1 / 0)


urlpatterns = [path(name, view) for name, view in (
    ("", notes), ("upload", upload), ("body", body), ("file", file), ("stream", stream), ("error", error))]
app = get_wsgi_application()
