"""Runs a config file of Gunicorn's as Gunicorn does, and tells what it sets: a line for each finding.

    text NAME VALUE      a value, or an item of a list
    worked NAME          the file has worked it out: elsewhere it may be another
    function NAME        a hook
    other NAME TYPE      what no line of a config file can be
    end                  that was all of it, and the last line: the file may end the process itself

A value is escaped as base/line.h has it. Nothing of Gunicorn need be installed.
"""
import ast
import collections
import os
import re
import sys
import traceback
import types

LINES_OF_A_TRACEBACK = 20


def umask_of(value):
    """In octal, as narwhal has it. Gunicorn takes int(value, 0), and 022 for 0o22."""
    if isinstance(value, str):
        value = int(re.sub(r"^0(\d)", r"0o\1", value.strip()), 0)
    return format(value, "o")


def address_of(value):
    """With its port, which is 8000 where none is said."""
    value = value.strip()
    if value.startswith("tcp://"):
        value = value[len("tcp://"):]
    if value.startswith(("unix:", "fd://")) or ":" in value.rpartition("]")[2]:
        return value
    return value + ":8000"


SPECIAL = {
    "bind": lambda value: address_of(value) if isinstance(value, str) else value,
    "umask": umask_of,
}


def values_of(name, value):
    """The value, or the items of it, as text."""
    if isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from values_of(name, item)
        return
    value = SPECIAL.get(name, lambda same: same)(value)
    if isinstance(value, bool):
        yield "true" if value else "false"
    elif isinstance(value, int):
        yield str(int(value))
    elif isinstance(value, float):
        yield repr(value)
    elif isinstance(value, str):
        yield value.strip()
    elif isinstance(value, bytes):
        yield value.decode().strip()
    elif isinstance(value, type):
        yield value.__module__ + "." + value.__qualname__
    elif value is not None:
        raise TypeError(type(value).__name__)


def findings_of(name, value, is_plain):
    if callable(value) and not isinstance(value, type):
        return ["function " + name]
    try:
        values = list(values_of(name, value))
    except (TypeError, ValueError, AttributeError) as error:
        return ["other {} {}".format(name, error)]
    lines = ["worked " + name] if values and not is_plain else []
    return lines + ["text {} {}".format(name, value) for value in values]


def plain_names(source):
    """The names that are nothing but constants, each time they are set."""
    tree = ast.parse(source)
    stores = collections.Counter(
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    plain = collections.Counter()
    for node in tree.body:
        if not isinstance(node, (ast.Assign, ast.AnnAssign)) or node.value is None:
            continue
        if any(isinstance(part, (ast.Name, ast.Call)) for part in ast.walk(node.value)):
            continue
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        plain.update(target.id for target in targets if isinstance(target, ast.Name))
    return {name for name in stores if stores[name] == plain[name]}


def run(path):
    """Its names and values, and which of them are plain."""
    with open(path, "rb") as file:
        source = file.read()
    module = types.ModuleType("__config__")
    module.__file__ = path
    sys.modules["__config__"] = module
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)
    return vars(module), plain_names(source)


def complain(error):
    """The end of its traceback, from the file's own first frame on."""
    lines = traceback.format_exception(type(error), error, error.__traceback__.tb_next.tb_next)
    sys.stderr.write("\n".join("".join(lines).splitlines()[-LINES_OF_A_TRACEBACK:]) + "\n")


def main(path):
    # What the file prints is not for whoever reads the findings.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="surrogateescape")
    os.dup2(2, 1)
    sys.argv = [path]
    try:
        names, plain = run(path)
    except BaseException as error:
        complain(error)
        return 1
    for name, value in names.items():
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        for line in findings_of(name, value, name in plain):
            out.write(line.replace("\\", "\\\\").replace("\n", "\\n").replace("\0", "") + "\n")
    out.write("end\n")
    out.flush()
    return 0


status = main(sys.argv[1])
sys.stdout.flush()
sys.stderr.flush()
os._exit(status)  # threads that the file has begun are not waited for
