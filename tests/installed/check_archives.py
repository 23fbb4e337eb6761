"""The wheel and the sdist hold the plugin and every data file, and the wheel nothing else.

python check_archives.py DIST
"""

from __future__ import annotations

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def wanted() -> set[str]:
    """Every file of the packages, and the plugin, as an archive names it."""
    files = {p for p in (ROOT / "openusage").rglob("*") if p.is_file()}
    return {
        p.relative_to(ROOT).as_posix()
        for p in files | {ROOT / "twisted" / "plugins" / "openusage_plugin.py"}
        if "__pycache__" not in p.parts
    }


def main() -> None:
    """Compare, and say what is missing."""
    dist = Path(sys.argv[1])
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = set(archive.namelist())
    with tarfile.open(sdist) as archive:
        in_sdist = {name.partition("/")[2] for name in archive.getnames()}
    missing = {"wheel": wanted() - in_wheel, "sdist": wanted() - in_sdist}
    foreign = {n for n in in_wheel if not n.startswith(("openusage", "twisted/plugins/"))}
    bad = {name: sorted(files) for name, files in missing.items() if files}
    if foreign:
        bad["foreign in the wheel"] = sorted(foreign)
    if bad:
        sys.exit(f"archives: {bad}")
    print(f"archives: {len(wanted())} files in both")


if __name__ == "__main__":
    main()
