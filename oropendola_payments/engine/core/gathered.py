"""Mails about many records, gathered in a list that one job works off. As in `after_commit`, a sweep does what is lost.

A job for each payment would fill the queue while mails are slower than payments, and Frappe 16 refuses more than some hundred jobs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import frappe

from oropendola_payments.engine.core.after_commit import MAILS, enqueue
from oropendola_payments.engine.core.transactions import safely

# A job of the queue may take much longer, so its time limit does not meet a payment that was not slow.
SECONDS = 120
# So long nobody else asks for a job, unless it began: a queue that is down or full is not asked for every payment.
ASKED_SECONDS = 20


def gather(work: str, name: str) -> None:
	"""Have a job call the function `work` with this name. Call this after the commit."""
	try:
		frappe.cache.rpush(_waiting(work), name)
		_ask_for_job(work)
	except Exception:
		frappe.log_error(title=f"Could not gather {work}"[:140], message=frappe.get_traceback())


def work_off(work: str) -> None:
	"""Call the function for each name that waits. Several jobs may do so: each name is taken by one of them."""
	frappe.cache.delete(_asked(work))  # what is gathered from now on may come too late for this job
	do, end = frappe.get_attr(work), time.monotonic() + SECONDS
	while name := _take(work):
		with _as_in_a_job_of_its_own():
			safely(partial(do, name), f"{do.__name__} of {name}")
		if time.monotonic() > end:
			return _ask_for_job(work)


def _take(work: str) -> str | None:
	frappe.db.rollback()  # the next name may be newer than the snapshot
	name = frappe.cache.lpop(_waiting(work))
	return name.decode() if name else None


@contextmanager
def _as_in_a_job_of_its_own() -> Iterator[None]:
	"""Keep what a hook sets from those that come next.

	As a guest, as after a gateway's message: a customer whose payment asked for the job must not become the owner of others' records.
	"""
	user, language, flags = frappe.session.user, frappe.local.lang, dict(frappe.local.flags)
	frappe.set_user("Guest")
	try:
		yield
	finally:
		frappe.set_user(user)
		frappe.local.lang = language
		frappe.local.flags.clear()
		frappe.local.flags.update(flags)


def _ask_for_job(work: str) -> None:
	if frappe.cache.set(_asked(work), 1, nx=True, ex=ASKED_SECONDS):
		enqueue(f"{__name__}.work_off", queue=MAILS, work=work)


def _waiting(work: str) -> str:
	return f"oropendola_gathered:{work}"


def _asked(work: str) -> bytes:
	return frappe.cache.make_key(f"oropendola_gathered_asked:{work}")
