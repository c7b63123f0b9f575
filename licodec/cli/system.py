"""What `licodec info --system` tells: which library codes here, and how."""

import json

import click


def describe_system() -> dict[str, object]:
    """Path of the native library, its instruction set, all that could be used, and threads."""
    from licodec import native
    from licodec.native.binding import usable_sets
    from licodec.native.threads import num_threads

    library = native.find()
    return {
        "native": None if library is None else str(library.path),
        "instruction_set": None if library is None else library.isa,
        "instruction_sets": [] if library is None else usable_sets(library),
        "threads": num_threads(),
    }


def print_system(*, is_json: bool, schema: int) -> None:
    """Print it as lines, or as one JSON object."""
    told = describe_system()
    if is_json:
        click.echo(json.dumps({"schema": schema} | told))
        return
    if told["native"] is None:
        click.echo("native       none: symbols are coded with torch and constriction")
    else:
        sets = told["instruction_sets"]
        assert isinstance(sets, list)
        click.echo(f"native       {told['native']}")
        click.echo(f"instructions {told['instruction_set']} (of {', '.join(sets)})")
    click.echo(f"threads      {told['threads']}")
