"""``heartline`` and ``python -m pipeline``: the command line."""

import sys

EXTRAS = {"typer", "rich"}


def main() -> None:
    """Run the command line; say what to install where its extra is missing."""
    try:
        from pipeline.cli.app import create_app
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.partition(".")[0] not in EXTRAS:
            raise
        sys.stderr.write(
            f"heartline: the command line needs {missing.name}, which is not installed; "
            "run: pip install 'heartline[cli]'\n"
        )
        sys.exit(2)
    create_app()()


if __name__ == "__main__":
    main()
