"""What Google publishes of its interfaces: its own discovery documents, as its client library carries them.

Nothing is known here by heart: paths, parameters, fields and scopes are looked up, so whatever is not published fails.
"""

import json
import re
from functools import cache
from pathlib import Path

import googleapiclient

DOCUMENTS = Path(googleapiclient.__file__).parent / "discovery_cache" / "documents"
SERVICES = ("calendar.v3", "gmail.v1", "drive.v3", "sheets.v4", "people.v1", "oauth2.v2")


@cache
def document(name):
    return json.loads((DOCUMENTS / f"{name}.json").read_text())


def _methods(resource):
    yield from resource.get("methods", {}).values()
    for inner in resource.get("resources", {}).values():
        yield from _methods(inner)


@cache
def _routes():
    found = []
    for name in SERVICES:
        doc = document(name)
        for method in _methods(doc):
            path = "/" + doc["servicePath"] + (method.get("flatPath") or method["path"])
            names = re.findall(r"{([^}]+)}", path)
            pattern = re.sub(r"\\{[^}]+\\}", "([^/]+)", re.escape(path))
            found.append((method["httpMethod"], re.compile(pattern), names, method, doc))
    return found


def find(http_method, path):
    """The method, its document and the values in the path; None for what is not published."""
    for verb, pattern, names, method, doc in _routes():
        if verb == http_method and (hit := pattern.fullmatch(path)):
            return method, doc, dict(zip(names, hit.groups(), strict=True))
    return None


def query_problems(method, doc, query):
    """What is wrong with the parameters of a call."""
    known = {n: p for n, p in method.get("parameters", {}).items() if p["location"] == "query"}
    for name, values in query.items():
        said = known.get(name) or doc["parameters"].get(name)
        if said is None:
            yield f"{method['id']} has no parameter {name!r}"
            continue
        if len(values) > 1 and not said.get("repeated"):
            yield f"{name} came {len(values)} times"
        for value in values:
            yield from _plain_problems(name, said, value)
    yield from (f"{name} is missing" for name, said in known.items() if said.get("required") and name not in query)
    for mask in query.get("fields", ()):
        yield from mask_problems(doc, method["response"]["$ref"], parsed(mask))


def _plain_problems(name, said, value):
    if "enum" in said and value not in said["enum"]:
        yield f"{name} is {value!r}, which is none of {said['enum']}"
    if said["type"] == "integer" and not re.fullmatch(r"-?\d+", value):
        yield f"{name} is {value!r}, which is no number"
    if said["type"] == "integer" and "maximum" in said and int(value) > int(said["maximum"]):
        yield f"{name} is above {said['maximum']}"
    if said["type"] == "boolean" and value not in ("true", "false"):
        yield f"{name} is {value!r}, neither true nor false"


def value_problems(doc, schema, value, where=""):
    """What is wrong with a JSON value by a schema of a document."""
    if "$ref" in schema:
        schema = doc["schemas"][schema["$ref"]]
    kind = schema.get("type", "any")
    if kind == "object":
        if not isinstance(value, dict):
            yield f"{where} is no object"
            return
        known, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for name, inner in value.items():
            if name not in known and rest is None:
                yield f"{where}.{name} is not published"
            else:
                yield from value_problems(doc, known.get(name, rest), inner, f"{where}.{name}")
    elif kind == "array":
        if not isinstance(value, list):
            yield f"{where} is no list"
            return
        for inner in value:
            yield from value_problems(doc, schema["items"], inner, f"{where}[]")
    elif kind == "string":
        if not isinstance(value, str):
            yield f"{where} is no text"
        elif "enum" in schema and value not in schema["enum"]:
            yield f"{where} is {value!r}, which is none of {schema['enum']}"
    elif (kind == "integer" and type(value) is not int) or (kind == "boolean" and type(value) is not bool):
        yield f"{where} is no {kind}"


def parsed(mask):
    """`a,b(c,d/e)` as a tree."""
    tree, at = {}, 0

    def level(into):
        nonlocal at
        while at < len(mask) and mask[at] != ")":
            name = re.match(r"[A-Za-z*]+", mask[at:])[0]
            at += len(name)
            inner = into.setdefault(name, {})
            while at < len(mask) and mask[at] == "/":
                name = re.match(r"[A-Za-z*]+", mask[at + 1 :])[0]
                at += 1 + len(name)
                inner = inner.setdefault(name, {})
            if at < len(mask) and mask[at] == "(":
                at += 1
                level(inner)
                at += 1
            if at < len(mask) and mask[at] == ",":
                at += 1

    level(tree)
    return tree


def mask_problems(doc, name, tree, where="fields"):
    schema = doc["schemas"].get(name, name) if isinstance(name, str) else name
    for key, inner in tree.items():
        known = schema.get("properties", {}).get(key) or schema.get("additionalProperties")
        if known is None:
            yield f"{where}: {key!r} is not published"
            continue
        known = known["items"] if known.get("type") == "array" else known
        known = doc["schemas"][known["$ref"]] if "$ref" in known else known
        if inner:
            yield from mask_problems(doc, known, inner, where)


def masked(value, tree):
    """Of an answer only what was asked for, as Google gives it."""
    if not tree:
        return value
    if isinstance(value, list):
        return [masked(one, tree) for one in value]
    return {name: masked(value[name], inner) for name, inner in tree.items() if name in value}
