"""Sign-in by token: the secret in a cookie that no script reads and no other site sends along.

A form carries a mark that must equal the one in its own cookie, and must come from this site;
the cookie opens the pages alone, never the service under `/plans` or `/events`.
"""

from __future__ import annotations

import hmac
import secrets
from urllib.parse import urlsplit

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as Answer

from allocator.pages.reader import Gate

SESSION, MARK = "allocator_session", "allocator_form"
OPEN = ("pages.sign_in", "pages.style")
"""What can be seen without a token."""
STAY_DAYS = 30


def admit(gate: Gate) -> Answer | None:
    """Let the caller in, or lead to the sign-in page."""
    secret = request.cookies.get(SESSION, "")
    g.caller = gate.who(secret) if secret else None
    if request.endpoint in OPEN:
        return None
    if g.caller is None:
        answer = redirect(url_for("pages.sign_in"))
        if secret:
            answer.delete_cookie(SESSION, path=_path())
        return answer
    gate.work(g.caller)
    return None


def mark() -> str:
    """Return the mark of this browser's forms; a new one where it has none yet."""
    if "form_mark" not in g:
        known = request.cookies.get(MARK, "")
        g.form_mark = known if 20 <= len(known) <= 100 and known.isascii() else secrets.token_urlsafe(24)
    return str(g.form_mark)


def genuine() -> bool:
    """Tell whether a form was sent from a page of this site, by the browser that was given it.

    What a proxy says of the address is believed: a page of another site cannot set these headers.
    """
    known, sent = request.cookies.get(MARK, ""), request.form.get("mark", "")
    origin = request.headers.get("Origin")
    foreign = request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if origin is not None:
        foreign |= urlsplit(origin).netloc not in (request.host, request.headers.get("X-Forwarded-Host"))
    return bool(known) and hmac.compare_digest(known.encode(), sent.encode()) and not foreign


def keep(response: Answer, name: str, value: str, days: int | None, site: str = "Lax") -> None:
    """Set a cookie of the pages; without `days` it ends with the browser."""
    age = None if days is None else days * 86_400
    secure = request.is_secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(name, value, max_age=age, path=_path(), secure=secure, httponly=True, samesite=site)


def _path() -> str:
    return url_for("pages.home").rstrip("/")


def register(pages: Blueprint, gate: Gate) -> None:
    """Add the pages that sign in and out."""

    @pages.route("/sign-in", methods=["GET", "POST"])
    def sign_in() -> Answer:
        if request.method != "POST":
            return redirect(url_for("pages.home")) if g.caller is not None else _form(200)
        if not genuine():
            return _form(400, "expired_form")
        secret = request.form.get("token", "").strip()
        if gate.who(secret) is None:
            gate.failed()
            return _form(401, "wrong_token")
        answer = redirect(url_for("pages.home"), 303)
        keep(answer, SESSION, secret, STAY_DAYS if request.form.get("stay") else None)
        return answer

    @pages.post("/sign-out")
    def sign_out() -> Answer:
        answer = redirect(url_for("pages.sign_in"), 303)
        if genuine():
            answer.delete_cookie(SESSION, path=_path())
        return answer

    def _form(status: int, fault: str = "") -> Answer:
        answer = Response(render_template("pages/sign_in.html", fault=fault), status)
        keep(answer, MARK, mark(), None, "Strict")
        return answer
