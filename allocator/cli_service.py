"""Commands that hand a plan on: `report`, `publish`, `runs`, `token`, `events` and `serve`."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from allocator.shell import command, emit

if TYPE_CHECKING:
    from allocator.store import Event, Run, Store

_db = click.option(
    "--db",
    metavar="URL",
    help="sqlite:///FILE or postgresql://USER@HOST/NAME [default: ALLOCATOR_DB, else sqlite:///allocator.db].",
)


def _store(db: str | None) -> Store:
    from allocator.store import Store

    return Store(db)


def _said(document: dict[str, Any], text: str, as_json: bool) -> int:
    """Answer with one JSON document, or with a line for people."""
    if as_json:
        emit({"ok": True, "exit_code": 0} | document)
    elif text:
        click.echo(text)
    return 0


def _entry(run: Run) -> dict[str, Any]:
    keys = ("scenario", "title", "start", "days", "objective", "bound", "gap")
    return {"run": run.run, "current": run.current, "published": run.published} | {k: run.head[k] for k in keys}


@click.command()
@click.argument("run", type=Path)
@click.option("--out", type=Path, metavar="DIR", help="Folder for the two files [default: RUN itself].")
@click.option("--case", metavar="CASE", help="Demand case to show [default: the likeliest].")
@command
def report(run: Path, out: Path | None, case: str | None, as_json: bool) -> int:
    """Write report.html (map, coverage, supply, worst places, proof) and report.xlsx (a roster per district).

    Both come from the plan folder alone.
    """
    from allocator import report as reports

    made = reports.write(run, out, case, lambda news: click.echo(news, err=True))
    if as_json:
        emit({"ok": True, "exit_code": 0, "files": [str(path) for path in made]})
    return 0


@click.command()
@click.argument("run", type=Path)
@click.option("--name", metavar="NAME", help="Name to publish it under [default: that of the folder].")
@click.option(
    "--candidates",
    type=click.IntRange(0),
    default=0,
    metavar="N",
    help="Then work out N candidates for each place that is short (minutes for a whole city).",
)
@click.option("--processes", type=click.IntRange(min=1), help="Processes to use [default: one per core].")
@_db
@command
def publish(
    run: Path, name: str | None, candidates: int, processes: int | None, db: str | None, as_json: bool
) -> int:
    """Load the verified plan RUN into the database and put it in force.

    A run that was not verified, or was changed since, is refused; `allocator verify` verifies it. With --candidates,
    who could fill its gaps is worked out once it is in force, the worst place first; published again, it goes on.
    """
    found = _store(db)
    before = found.runs.get()
    made, new = found.runs.publish(run, name)
    rows = found.runs.counts(made.number)
    late = _late(found, before, made) if new else 0
    what = f"is in force: {sum(rows.values()):,} rows" if new else "was published before; it is in force"
    text = f"{made.run} {what}"
    if late and before is not None:
        way = f"`allocator events --since {before.run}` lists them"
        text += f"\n{late} events were reported while {before.run} was in force; {way}"
    if not as_json:
        click.echo(text)
    offered = _offer(found, made, run, candidates, processes) if candidates else 0
    return _said(_entry(made) | {"new": new, "rows": rows, "events": late, "offered": offered}, "", as_json)


def _offer(found: Store, made: Run, run: Path, most: int, processes: int | None) -> int:
    """Work out the candidates of every place that is short and has none yet; the places done now."""
    import time

    from allocator import front, offers
    from allocator import runs as folders

    if not (run / folders.FOLDER).is_dir():
        click.echo(f"{run} has no {folders.FOLDER}: who could fill its gaps is not worked out", err=True)
        return 0
    scenario, plan = folders.load(run)
    known = found.offers.done(made.number)
    todo = [site for site in offers.places(plan) if site not in known]
    said, at = 0.0, 0
    for site, rows in offers.worked_out(scenario, plan, todo, most, processes or front.cores()):
        found.offers.put(made.number, site, rows)
        at += 1
        if time.monotonic() - said > 1 or at == len(todo):
            said = time.monotonic()
            click.echo(f"candidates: {at} of {len(todo)} places", err=True)
    return at


def _late(found: Store, before: Run | None, made: Run) -> int:
    """Events reported since the run before was published: the new plan may not know them."""
    return 0 if before is None else len([e for e in found.events.all(after=before.events) if e.number <= made.events])


@click.group()
def runs() -> None:
    """List, compare, remove published runs, or put one in force."""


@runs.command("list")
@_db
@command
def runs_list(db: str | None, as_json: bool) -> int:
    """List the published runs, the newest first; * is in force."""
    from allocator.console import aligned, percent, value

    found = _store(db).runs.all()
    heads = [(r, r.head) for r in found]
    rows = [
        ("*" if r.current else "", r.run, r.published, h["scenario"], value(h["objective"]), percent(h["gap"]))
        for r, h in heads
    ]
    text = aligned(("", "run", "published", "scenario", "objective", "gap"), rows, left=4) or "no run is published yet"
    return _said({"runs": [_entry(r) for r in found]}, text, as_json)


@runs.command("use")
@click.argument("run")
@_db
@command
def runs_use(run: str, db: str | None, as_json: bool) -> int:
    """Put the published run RUN in force."""
    made = _store(db).runs.use(run)
    return _said(_entry(made), f"{made.run} is in force", as_json)


@runs.command("remove")
@click.argument("run")
@_db
@command
def runs_remove(run: str, db: str | None, as_json: bool) -> int:
    """Remove the published run RUN; the run in force stays. Events reported on it are kept."""
    made = _store(db).runs.remove(run)
    return _said(_entry(made), f"{made.run} is removed", as_json)


@runs.command("compare")
@click.argument("run_a")
@click.argument("run_b")
@_db
@command
def runs_compare(run_a: str, run_b: str, db: str | None, as_json: bool) -> int:
    """Say what two published runs are worth, and how many rows only one of them has."""
    from allocator.console import aligned, percent, value

    found = _store(db).runs.compare(run_a, run_b)
    terms = [
        (name, percent(a), percent(b), "") if name == "gap" else (name, value(a), value(b), _signed(a, b))
        for name, (a, b) in found.values.items()
    ]
    rows = [(name, str(a), str(b)) for name, (a, b) in found.rows.items() if a or b]
    text = aligned(("", run_a, run_b, "difference"), terms)
    text += "\n\n" + (aligned(("rows only in", run_a, run_b), rows) or "all tables are the same")
    return _said({"values": found.values, "rows": found.rows}, text, as_json)


def _signed(a: float | None, b: float | None) -> str:
    return "-" if a is None or b is None else f"{b - a:+,.1f}"


@click.group()
def token() -> None:
    """Create, list and revoke the tokens of districts and organizers."""


@token.command("create")
@click.option("--district", metavar="D", help="A token that reads this district.")
@click.option("--organizer", is_flag=True, help="A token that reads everything.")
@click.option("--note", default="", metavar="TEXT", help="What it is for, such as an office; no names of persons.")
@_db
@command
def token_create(district: str | None, organizer: bool, note: str, db: str | None, as_json: bool) -> int:
    """Create a token and print it, this once: only its hash is kept."""
    if (district is None) != organizer:
        raise click.UsageError("Give either --district D or --organizer.")
    found = _store(db)
    if district is not None:
        _known_district(found, district)
    made, secret = found.tokens.create(district, note)
    return _said(asdict(made) | {"token": secret}, secret, as_json)


def _known_district(found: Store, district: str) -> None:
    from allocator.errors import InputError, Problem

    run = found.runs.get()
    known = found.runs.districts(run.number) if run else []
    if run is None:
        click.echo("No run is published yet: the district is taken as it is.", err=True)
    elif district not in known:
        expected = f"a district of the run in force: {', '.join(known)}"
        raise InputError([Problem("--district", None, None, district, expected, "unknown_district")])


@token.command("list")
@_db
@command
def token_list(db: str | None, as_json: bool) -> int:
    """List all tokens: id, whose, note, since when, until when; never the token itself."""
    from allocator.console import aligned

    found = _store(db).tokens.all()
    rows = [(str(t.id), t.owner, t.note, t.created, t.revoked or "-") for t in found]
    text = aligned(("id", "of", "note", "created", "revoked"), rows, left=5) or "there is no token yet"
    return _said({"tokens": [asdict(t) for t in found]}, text, as_json)


@token.command("revoke")
@click.argument("id", type=int)
@_db
@command
def token_revoke(id: int, db: str | None, as_json: bool) -> int:
    """End the token ID; the service refuses it from a second later on."""
    made = _store(db).tokens.revoke(id)
    return _said(asdict(made), f"token {made.id} of {made.owner} ended {made.revoked}", as_json)


@click.command()
@click.option("--since", metavar="RUN", help="Only those reported after this run was published.")
@click.option("--out", type=Path, metavar="FILE", help="Write them to FILE instead of stdout.")
@_db
@command
def events(since: str | None, out: Path | None, db: str | None, as_json: bool) -> int:
    """Export what districts reported as the table `events`, as CSV: what a re-plan takes."""
    from allocator.tables import EVENTS

    found = _store(db)
    after = found.runs.named(since).events if since is not None else 0
    listed = found.events.all(after=after)
    text = _table(EVENTS.names, [event.row() for event in listed])
    if out is not None:
        from allocator.files import replace_file

        replace_file(out, lambda fresh: _fill(fresh, text))
    shown = f"{len(listed)} events in {out}" if out is not None else text.rstrip("\n")
    return _said({"events": [_told(event) for event in listed]}, shown, as_json)


def _told(event: Event) -> dict[str, Any]:
    return event.row() | {"district": event.district, "run": event.run, "reported": event.reported}


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _fill(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="")


@click.command()
@_db
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0: every one.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0: any free one.")
@click.option("--threads", type=click.IntRange(1, 64), default=8, show_default=True, help="Requests at a time.")
@command
def serve(db: str | None, host: str, port: int, threads: int, as_json: bool) -> int:
    """Serve published plans over HTTP until Ctrl-C; the log goes to stderr, one JSON line per request."""
    import waitress

    from api import create_app

    app = create_app({"db": db} if db else {})
    server = waitress.create_server(app, host=host, port=port, threads=threads, ident="allocator")
    where = f"http://{host}:{server.effective_port}"
    _said({"url": where}, f"serving on {where}; Ctrl-C ends it", as_json)
    try:
        server.run()
    finally:
        server.close()
    return 0


COMMANDS: tuple[click.Command, ...] = (report, publish, runs, token, events, serve)
"""What joins the command line."""
