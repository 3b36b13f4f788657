"""The pytest plugin: a throw-away site for each process of the run, and a clean slate after every test class."""

import gc
import shutil
import tempfile
from pathlib import Path

import pytest

APP = "oropendola_payments"
CONFIG = {"allow_tests": True, "allow_payment_simulator": True, "developer_mode": 1}


def pytest_sessionstart(session) -> None:
	# Before collection: test modules may use frappe when they are imported.
	if session.config.getoption("numprocesses", None) and not hasattr(session.config, "workerinput"):
		return  # it only distributes the tests; each worker has its own site
	import frappe

	from benchless import site as sites

	gc.disable()
	folder = Path(tempfile.mkdtemp(prefix="benchless-test-"))
	session.config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
	sites.create_site(folder / "test.localhost", apps=[APP], config=CONFIG)
	sites.connect(folder / "test.localhost")
	session.config.add_cleanup(frappe.destroy)
	frappe.flags.in_test = True


def pytest_collection_finish(session) -> None:
	# What was imported stays until the end: the collector need not look at it again and again.
	gc.freeze()
	gc.enable()


@pytest.fixture(autouse=True, scope="class")
def _clean_slate():
	yield
	import frappe
	from frappe.utils.background_jobs import _forget_waiting_jobs

	frappe.db.rollback()
	frappe.set_user("Administrator")
	_forget_waiting_jobs()  # otherwise the next web server would run what hundreds of tests queued
