"""Background jobs that run when they are queued."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

import frappe

from oropendola_payments.engine.core.gathered import _asked, _waiting
from oropendola_payments.engine.notifications.untold import PAYMENT_SUCCEEDED


@contextmanager
def jobs_start_at_once() -> Iterator[None]:
	"""Queued jobs start at once, so that a test sees what they do, and only for payments from now on."""
	frappe.cache.delete(_asked(PAYMENT_SUCCEEDED), frappe.cache.make_key(_waiting(PAYMENT_SUCCEEDED)))
	with patch.object(frappe, "enqueue", partial(frappe.enqueue, now=True)):
		yield
