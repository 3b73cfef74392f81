"""The agent's version; pyproject.toml takes it from here.

Not asked of the installed distribution: importlib.metadata brings parsers of mail and of zip files,
2 MB in a process that wants one word.
"""

from typing import Final

VERSION: Final = "0.1.0"
