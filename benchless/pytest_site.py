"""The pytest plugin: a throw-away site for the run, and Administrator again after every test class."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

from benchless import ROOT

APP = "oropendola_payments"
CONFIG = {"allow_tests": True, "allow_payment_simulator": True, "developer_mode": 1}


def run(arguments: list[str]) -> int:
	"""Run pytest over the app and benchless; the exit code is pytest's."""
	options = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
	os.chdir(ROOT)
	return int(pytest.main([*options, *arguments], plugins=[sys.modules[__name__]]))


def pytest_sessionstart(session) -> None:
	# Before collection: test modules may use frappe when they are imported.
	import frappe

	from benchless import site as sites

	folder = Path(tempfile.mkdtemp(prefix="benchless-test-"))
	session.config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
	sites.create_site(folder / "test.localhost", apps=[APP], config=CONFIG)
	sites.connect(folder / "test.localhost")
	session.config.add_cleanup(frappe.destroy)
	frappe.flags.in_test = True


@pytest.fixture(autouse=True, scope="class")
def _clean_slate():
	yield
	import frappe

	frappe.db.rollback()
	frappe.set_user("Administrator")
