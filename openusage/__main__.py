"""`python -m openusage` is the `openusage` command."""

from openusage.cli import main

if __name__ == "__main__":
    main()
