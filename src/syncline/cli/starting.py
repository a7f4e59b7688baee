"""``init``: a new project folder."""

from __future__ import annotations

from pathlib import Path

import click

from syncline.cli.failing import Exit, Failure
from syncline.cli.output import emit, say, tell


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@click.option("--businesscentral", required=True, metavar="URL", help="Its API's root, or a local sandbox's address.")
@click.option("--customerp", required=True, metavar="URL", help="Its address.")
@click.option("--company", metavar="NAME", help="The company in Business Central, where there is more than one.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, and nothing else on standard output.")
def init_command(folder: Path, businesscentral: str, customerp: str, company: str | None, as_json: bool) -> None:
    """Write the configuration and the agreement for two systems into DIR.

    A file that is there already is left as it is. Nothing is sent.
    """
    from syncline.project.scaffold import scaffold

    try:
        made = scaffold(folder, businesscentral=businesscentral, customerp=customerp, company=company)
    except OSError as error:
        raise Failure(f"{error.filename or folder} cannot be written: {error.strerror}.", Exit.MISTAKE) from error
    if as_json:
        emit({"folder": str(folder), "written": made.written, "kept": made.kept, "variables": made.variables})
        return
    for name in made.written:
        say(str(folder / name))
    for name in made.kept:
        tell(f"{folder / name} was there already and is left as it is.")
    tell("\nNext:")
    for variable in made.variables:
        tell(f"  export {variable}=…")
    tell(f"  syncline -C {folder} plan    shows what would be done; nothing is written")
    tell(f"  syncline -C {folder} sync    does it")
