"""The committed files, which sites serve and programs read."""

import json
from pathlib import Path

from oropendola_payments.openapi import postman
from oropendola_payments.openapi.document import build

FOLDER = Path(__file__).parent
OPENAPI = FOLDER / "openapi.json"
POSTMAN = FOLDER / "postman_collection.json"


def write() -> list[str]:
	"""Bring the committed files up to date with the endpoints. Returns the names of those that changed."""
	changed = {path: text for path, text in texts().items() if not path.exists() or path.read_text() != text}
	for path, text in changed.items():
		path.write_text(text, encoding="utf-8")
	return [path.name for path in changed]


def texts() -> dict[Path, str]:
	"""What the files should contain."""
	document = build()
	return {OPENAPI: as_text(document), POSTMAN: as_text(postman.build(document))}


def as_text(document: dict) -> str:
	return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
