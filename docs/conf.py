"""How Sphinx builds these pages."""

from openusage import __version__

project = "openusage"
author = "The openusage contributors"
copyright = "2026, the openusage contributors"  # noqa: A001 - the name that Sphinx reads
release = version = __version__
extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "examples"]
html_theme = "alabaster"
# Wide enough for a line of code.
html_theme_options = {"page_width": "1080px", "body_max_width": "none", "code_font_size": "0.8em"}
myst_heading_anchors = 3
nitpicky = True
