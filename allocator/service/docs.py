"""The docs page: the OpenAPI document as one plain page, without scripts or outside requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from allocator.service.problem import TITLES

STYLE = """
body{font:15px/1.5 system-ui,"Microsoft YaHei";max-width:60rem;margin:1rem auto;padding:0 1rem;color:#222}
h2{border-bottom:2px solid #345;margin-top:2rem}h3{font:600 16px ui-monospace,monospace;margin:1.4rem 0 .2rem}
table{border-collapse:collapse;width:100%;margin:.3rem 0}td,th{border:1px solid #ccd;padding:.2rem .5rem;
text-align:left;vertical-align:top}code,pre{font-family:ui-monospace,monospace;background:#f3f5f7}pre{padding:.6rem;overflow-x:auto}
.m{color:#064;font-weight:700}
"""


def page(document: Mapping[str, Any]) -> str:
    """Return the docs page of an OpenAPI document."""
    info = document["info"]
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width,initial-scale=1">',
        f"<title>{escape(info['title'])}</title><style>{STYLE}</style></head><body>",
        f"<h1>{escape(info['title'])}</h1>{_paragraphs(info['description'])}",
        '<p><a href="/openapi.json">openapi.json</a></p>',
    ]
    for tag in document["tags"]:
        parts.append(f"<h2>{escape(tag['description'])}</h2>")
        parts += _operations(document, tag["name"])
    parts.append("<h2>错误 Errors</h2><table><tr><th>status</th><th>meaning</th></tr>")
    parts += [f'<tr id="status-{s}"><td>{s}</td><td>{escape(t)}</td></tr>' for s, t in TITLES.items()]
    parts.append("</table></body></html>")
    return "".join(parts)


def _paragraphs(text: str) -> str:
    return "".join(
        f"<pre>{escape(p)}</pre>" if p.startswith("curl") else f"<p>{escape(p)}</p>" for p in text.split("\n\n")
    )


def _operations(document: Mapping[str, Any], tag: str) -> Iterator[str]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if tag in operation.get("tags", []):
                yield f'<h3><span class="m">{method.upper()}</span> {escape(path)}</h3>'
                yield f"<p>{escape(operation['summary'])}</p>"
                yield _parameters(operation)
                yield _responses(document, operation)


def _parameters(operation: Mapping[str, Any]) -> str:
    cells = [(p["name"], p["in"], p.get("description", "")) for p in operation.get("parameters", [])]
    rows = [f"<tr><td><code>{escape(n)}</code></td><td>{i}</td><td>{escape(d)}</td></tr>" for n, i, d in cells]
    return f"<table><tr><th>name</th><th>in</th><th></th></tr>{''.join(rows)}</table>" if rows else ""


def _responses(document: Mapping[str, Any], operation: Mapping[str, Any]) -> str:
    good = operation["responses"]["200"]
    forms = ", ".join(good["content"])
    refused = ", ".join(s for s in sorted(operation["responses"]) if s > "201")
    columns = _columns(document, good["content"].get("application/json", {}).get("schema", {}))
    also = f" · {refused}" if refused else ""
    return f"<p>{escape(forms)}{also}{'<br>' if columns else ''}{columns}</p>"


def _columns(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """The fields of what is answered; of a page, those of its rows."""
    schemas = document["components"]["schemas"]
    found = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], {}).get("properties", {})
    for inner in ("rows", "events", "plans", "candidates"):
        if inner in found:
            found = schemas[found[inner]["items"]["$ref"].rsplit("/", 1)[-1]]["properties"]
    return " ".join(f"<code>{escape(name)}</code>" for name in found)
