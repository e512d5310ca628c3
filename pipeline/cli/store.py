"""`mentor3ad store`: the feature stores in a bucket."""

from typing import Annotated

import typer

from ..plumbing.errors import ConfigError
from ..plumbing.words import counted
from .tables import print_table

app = typer.Typer(no_args_is_help=True, help="List, verify and clear out stores in a bucket.")

Place = Annotated[str | None, typer.Argument(help="s3://BUCKET/PREFIX, else runtime.store.")]
Delete = Annotated[bool, typer.Option("--delete", help="Delete; without it, only say what.")]


@app.command("list")
def list_(place: Place = None) -> None:
    """Show the stores in a bucket; `here` marks those that this project points to."""
    from ..params.project import Project
    from ..verification.stored import pointers_of, stores_in

    here = {pointer.url for pointer in pointers_of(Project()).values()}
    rows = [
        (
            one.kind,
            one.category,
            f"{one.size / 1e6:.1f}",
            f"{one.modified:%Y-%m-%d}",
            ("here" if one.url in here else "whole") if one.published else "unfinished",
            one.url,
        )
        for one in stores_in(_prefix(place))
    ]
    print_table(("kind", "category", "MB", "written", "state", "address"), rows)


@app.command()
def verify(
    places: Annotated[
        list[str] | None,
        typer.Argument(help="Pointers or addresses of stores; all of the project if not given."),
    ] = None,
    delete: Delete = False,
) -> None:
    """Read all of a store and say what is damaged. Exit code 1 if something is.

    With --delete what is damaged is deleted, so that the stage that made it makes just that again.
    """
    from ..params.project import Project
    from ..verification.stored import damage, delete_damaged, pointer_to, pointers_of

    damaged = False
    for place in places or [str(path) for path in pointers_of(Project())]:
        pointer = pointer_to(place)
        found = dict(damage(pointer))
        for name, reason in found.items():
            print(f"damaged: {pointer.url}/{name} ({reason})")
        if not found:
            print(f"{place}: {pointer.size / 1e6:.1f} MB, all whole")
            continue
        damaged = True
        if delete:
            delete_damaged(pointer, found)
            print(f"{place}: what is damaged was deleted; {pointer.again} makes it again")
    raise typer.Exit(1 if damaged else 0)


@app.command()
def gc(
    keep_days: Annotated[
        int, typer.Option(min=0, help="Keep stores that were written within so many days.")
    ],
    place: Place = None,
    delete: Delete = False,
) -> None:
    """Delete the stores that are old and that this project does not point to.

    Other projects' pointers and those of other commits are not known here: a store that they still
    need is made again by the stage.
    """
    from datetime import UTC, datetime

    from ..params.project import Project
    from ..verification.stored import delete_store, pointers_of, stores_in, unused

    kept = [pointer.url for pointer in pointers_of(Project()).values()]
    found = unused(stores_in(_prefix(place)), kept, datetime.now(UTC), keep_days)
    for one in found:
        print(f"{'deleted' if delete else 'would delete'}: {one.url} ({one.size / 1e6:.1f} MB)")
        if delete:
            delete_store(one)
    count, size = counted(len(found), "store"), sum(one.size for one in found) / 1e6
    print(f"{count}, {size:.1f} MB" + ("" if delete or not found else "; --delete deletes them"))


def _prefix(place: str | None) -> str:
    from ..params.schema import load_params

    found = place or load_params().runtime.store
    if not found:
        raise ConfigError(
            "runtime.store = null: stores are in this folder; name an address, s3://BUCKET/PREFIX"
        )
    return found
