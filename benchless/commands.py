"""What `execute`, `migrate` and `console` do on a site."""

import code
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import frappe
from frappe.utils.background_jobs import start_worker

from benchless import site as sites


def execute(folder: Path, method: str, args: list, kwargs: dict) -> int:
	"""Call a function, commit, and print what it gave."""
	with opened(folder):
		answer = frappe.get_attr(method)(*args, **kwargs)
		frappe.db.commit()
		if answer is not None:
			print(frappe.as_json(answer))
	start_worker(burst=True)
	return 0


def migrate(folder: Path) -> int:
	with opened(folder):
		sites.migrate()
	print(f"{folder} is up to date.")
	return 0


def console(folder: Path) -> int:
	with opened(folder):
		banner = f"Connected to {folder} as Administrator. frappe.db.commit() keeps what you change; Ctrl-D leaves."
		code.interact(banner=banner, local={"frappe": frappe}, exitmsg="")
	start_worker(burst=True)
	return 0


@contextmanager
def opened(folder: Path) -> Iterator[None]:
	"""Be connected to a site as Administrator."""
	if not (folder / "site_config.json").exists():
		sys.exit(
			f"There is no site in {folder}. `python3 -m benchless demo` or `serve --site {folder}` makes one."
		)
	with sites.connect(folder):
		yield
