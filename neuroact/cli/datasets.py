"""`neuroact datasets`: the published data sets, what a copy of one lacks, and what its splits share."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from neuroact.cli import datasets_make, options
from neuroact.cli.exit_codes import ExitCode
from neuroact.cli.info import aligned

if TYPE_CHECKING:
    from neuroact.datasets.audit import Audit
    from neuroact.datasets.verifying import Verified

SHOWN = 20
"""Missing files that are named without --json."""
LISTED = ("name", "title", "classes", "recordings", "sensor_size", "licence", "schemes", "place", "files")
UNKNOWN = {
    "split": "have no split",
    "subject": "have no known subject",
    "recorded": "have no known time of recording",
    "content": "were not compared by content",
}

app = typer.Typer(
    name="datasets",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="""The published data sets: which there are, whether a copy is whole, what its splits share.

    \b
    Example:
      neuroact datasets audit dailydvs200:DailyDVS-200
    """,
)


app.command("make")(datasets_make.command)


@app.command("list")
def list_command(as_json: options.AsJson = False) -> None:
    """List the data sets that neuroact knows by name.

    \b
    Example:
      neuroact datasets list
    """
    from neuroact.datasets.catalogue import DATASETS
    from neuroact.datasets.published.tonic_layout import ON_DISK, described

    known = [*DATASETS.values(), *map(described, ON_DISK)]
    records = [{key: getattr(dataset, key) for key in LISTED} for dataset in known]
    if as_json:
        typer.echo(json.dumps(records, indent=2))
        return
    head = ["name", "title", "classes", "recordings", "sensor", "licence", "splits", "where from"]
    rows = [
        [
            dataset.name,
            dataset.title,
            str(dataset.classes),
            f"{dataset.recordings:,}",
            "varies" if dataset.sensor_size is None else "{}x{}".format(*dataset.sensor_size),
            dataset.licence or "none stated",
            ", ".join(dataset.schemes),
            dataset.place,
        ]
        for dataset in known
    ]
    typer.echo(aligned([head, *rows], right=frozenset((2, 3))))


@app.command("verify")
def verify_command(
    copy: Annotated[str, typer.Argument(metavar="NAME:ROOT", help="A data set and the folder that holds it.")],
    as_json: options.AsJson = False,
) -> None:
    """Tell what a copy of a data set lacks.

    Exit code 0 if every recording is there, 3 if some are missing. With --json: every path.

    \b
    Example:
      neuroact datasets verify dailydvs200:DailyDVS-200
    """
    from neuroact.datasets.catalogue import DATASETS, named
    from neuroact.datasets.verifying import verify

    known = named(copy)
    if known is None:
        raise typer.BadParameter(f"{copy!r} is not NAME:ROOT with a NAME out of {', '.join(DATASETS)}")
    dataset, scheme, root = known
    result = verify(dataset, root, scheme)
    typer.echo(json.dumps(result.to_json(), indent=2) if as_json else _verified(result))
    if not result.whole:
        raise typer.Exit(ExitCode.IN_PART)


@app.command("audit")
def audit_command(
    what: Annotated[
        str,
        typer.Argument(metavar="NAME[@SPLIT]:ROOT|FOLDER|STORE", help="A data set, a folder or what convert wrote."),
    ],
    content: Annotated[
        bool, typer.Option("--content", help="Compare files too, by SHA-256. Stores know theirs in any case.")
    ] = False,
    within: Annotated[
        float,
        typer.Option(
            "--within", metavar="SECONDS", min=0, help="How near two recordings of one class are neighbours in time."
        ),
    ] = 15,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 if the splits share anything.")] = False,
    as_json: options.AsJson = False,
) -> None:
    """Tell what the splits of a data set share.

    Subjects, recordings, windows of one recording, equal content, and recordings of one class that were made just
    after each other. Where a data set has lists, they are enough: the recordings need not be there.

    \b
    Example:
      neuroact datasets audit dailydvs200@official:DailyDVS-200
      neuroact datasets audit --strict --content recordings/
    """
    from neuroact.datasets.audit import audit, auditable

    result = audit(auditable(what), within=within, content=content)
    typer.echo(json.dumps(result.to_json(), indent=2) if as_json else _audited(what, result))
    if strict:
        result.raise_for_leaks()


def _verified(result: Verified) -> str:
    lines = [
        f"{result.dataset}:{result.root}",
        f"  {'whole' if result.whole else 'in part'}: {result.recordings:,} of {result.expected:,} recordings",
    ]
    if result.missing:
        lines.append(f"  missing: {len(result.missing):,} that the lists name")
        lines += [f"    {path}" for path in result.missing[:SHOWN]]
    if len(result.missing) > SHOWN:
        lines.append(f"    and {len(result.missing) - SHOWN:,} more; --json names them all")
    lines += [f"  left out: {path} ({reason})" for path, reason in result.ignored[:SHOWN]]
    if len(result.ignored) > SHOWN:
        lines.append(f"    and {len(result.ignored) - SHOWN:,} more; --json names them all")
    lines += [f"  note: {note}" for note in result.notes]
    return "\n".join(lines)


def _audited(what: str, result: Audit) -> str:
    head = ["split", "recordings", "classes", "subjects"]
    rows = [[name, *(f"{value:,}" for value in asdict(split).values())] for name, split in result.splits.items()]
    lines = [f"{what}: {result.recordings:,} recordings", aligned([head, *rows], right=frozenset((1, 2, 3))), ""]
    for leak in result.leaks:
        lines.append(f"{leak.kind}: {leak}")
        lines += [f"  {'  '.join(example)}" for example in leak.examples]
        if leak.count > len(leak.examples):
            lines.append(f"  and {leak.count - len(leak.examples):,} more")
    if result.clean:
        lines.append("the splits share nothing that was looked for")
    lines += [f"not looked at: {count:,} recordings {UNKNOWN[kind]}" for kind, count in result.unknown.items()]
    return "\n".join(lines)
