"""Reads Odoo calls the way Odoo does: one JSON line in, one JSON line out. Only Python's standard library."""

import base64
import json
import sys
import xmlrpc.client


def count_records(value):
    """How many records the first argument of a method is about; None when it is something else."""
    if isinstance(value, list):
        kinds = [is_number(item) or isinstance(item, dict) for item in value]
        return len(value) if kinds and all(kinds) else None
    return 1 if is_number(value) or isinstance(value, dict) else None


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# Where methods take their limit when it has no name.
LIMIT_PLACES = {"search": 2, "search_read": 3, "web_search_read": 3, "name_search": 3, "web_name_search": 4}


def read_limit(name, places, named):
    place = LIMIT_PLACES.get(name) if isinstance(name, str) else None
    given = [named.get("limit")] + (places[place : place + 1] if place is not None else [])
    counts = [value for value in given if is_number(value) and 0 <= value < float("inf")]
    # No limit and a limit of 0 are the same to Odoo.
    return counts[0] or None if counts else None


def read_size(name, places, named):
    records = count_records(places[0]) if places else None
    for key in ("ids", "vals_list"):
        if key in named:
            records = count_records(named[key])
    return {"records": records, "limit": read_limit(name, places, named)}


def read_rpc(service, method, args):
    call = {"service": service, "method": method}
    if service != "object":
        return {**call, "heads": args[:2]}
    database, uid, _secret, model, name, *rest = args
    call.update(heads=[database, model, name], uid=uid)
    if method == "execute":
        return {**call, **read_size(name, rest, {})}
    if method == "execute_kw":
        places, named = (rest + [{}])[:2] if rest else ([], {})
        return {**call, **read_size(name, places, named or {})}
    return call


def read(kind, service, body):
    if kind == "xml-rpc":
        args, method = xmlrpc.client.loads(body)
        return read_rpc(service, method, list(args))
    message = json.loads(body.decode("utf-8", "replace"))
    if kind == "json-2":
        return read_size("", [], message)
    params = message["params"]
    if kind == "call-kw":
        return {
            "model": params["model"],
            "method": params["method"],
            **read_size(params["method"], params.get("args", []), params.get("kwargs", {})),
        }
    return read_rpc(params["service"], params["method"], params["args"])


def plain(value):
    """Only texts, numbers and truth values are compared."""
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value if isinstance(value, (str, int, float, bool)) else None


def answer_of(call):
    heads = [plain(head) for head in call.pop("heads", [])]
    return {**{key: plain(value) for key, value in call.items()}, "heads": heads}


for line in sys.stdin:
    case = json.loads(line)
    try:
        answer = answer_of(read(case["kind"], case.get("service"), base64.b64decode(case["body"])))
    except Exception as error:  # noqa: BLE001: whatever it is, Odoo does not call anything then
        answer = {"refused": type(error).__name__}
    print(json.dumps(answer, allow_nan=False))
