"""Bottle's own example, and a file by its static_file()."""
import os

from bottle import Bottle, request, response, static_file, template

app = Bottle()


@app.route("/hello/<name>")
def hello(name):
    return template("<b>Hello {{name}}</b>!", name=name)


@app.post("/form")
def form():
    response.set_cookie("seen", request.forms.get("a"))
    return {"a": request.forms.get("a")}


@app.route("/file")
def file():
    return static_file(os.path.basename(__file__), root=os.path.dirname(__file__))


@app.route("/error")
def error():
    raise ValueError("bottle's own page")
