"""Settings of the documentation: `make docs` builds it from the pages in this folder."""

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
VERSION = re.search(r'__version__ = "(.+)"', (HERE.parent / "sleight/__init__.py").read_text())
if VERSION is None:
    raise SystemExit("sleight/__init__.py: no __version__")

project = "sleight"
author = "the sleight authors"
release = VERSION[1]
extensions = ["myst_parser", "reference_pages", "offline_pages"]

myst_heading_anchors = 4  # links to headings as GitHub resolves them
myst_links_external_new_tab = True
# A page of the reference names a class as its module does, and two modules may name one alike.
suppress_warnings = ["ref.python"]

add_module_names = False
maximum_signature_line_length = 80
toc_object_entries = False
python_use_unqualified_type_names = True
highlight_language = "text"

html_theme = "furo"  # nothing from a network: no fonts, no scripts
html_title = f"sleight {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
