"""Files that come with the package: configs and policies, by the names that the docs give them."""

from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDERS = ("configs", "pretrained")


def shipped(path: str | Path) -> Path:
    """`path`; where it does not exist and begins with configs/ or pretrained/, the package's own.

    So the commands of the docs work in any folder after `pip install`, and a clone's own files
    come first.
    """
    path = Path(path)
    own = HERE / path
    wanted = (
        ".." not in path.parts
        and path.parts[:1] in [(name,) for name in FOLDERS]
        and not path.exists()
    )
    return own if wanted and own.exists() else path
