"""The command line. Only what a command needs is imported, when it is called: to ask for help must be quick."""


def main() -> None:
    """``syncline``: ends the process with one of the exit codes of `syncline.cli.failing`."""
    from syncline.cli.root import root

    root(prog_name="syncline")
