"""Write the entries of a cache file again and again, as a service does, until killed."""

from __future__ import annotations

import sys
from pathlib import Path

from openusage.cache import dump_entries, read_entries
from openusage.disk import replace_file


def main() -> None:
    """Write without end."""
    path = Path(sys.argv[1])
    data = dump_entries(read_entries(path).entries)
    print("writing", flush=True)  # noqa: T201 - tells the test when to kill
    while True:
        replace_file(path, data, mode=0o600)


if __name__ == "__main__":
    main()
