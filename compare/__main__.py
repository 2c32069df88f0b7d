"""`python -m compare`."""

from __future__ import annotations

from compare.cli import cli

if __name__ == "__main__":
    cli()
