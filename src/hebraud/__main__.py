"""``python -m hebraud``: the command line."""

from hebraud.cli import app

if __name__ == "__main__":
    app()
