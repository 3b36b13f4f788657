"""The app without a bench. Importable with the standard library alone; see README.md."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOST = Path(__file__).resolve().parent / "host"


def use_host() -> None:
	"""Make `import frappe` mean the stand-in in benchless/host."""
	for folder in (ROOT, HOST):
		if str(folder) in sys.path:
			sys.path.remove(str(folder))
		sys.path.insert(0, str(folder))
