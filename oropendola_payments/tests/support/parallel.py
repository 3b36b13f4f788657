"""Many callers at once, each with a database connection of its own, like the workers of a site."""

import threading
from collections.abc import Callable

import frappe

from oropendola_payments.compat import is_conflict
from oropendola_payments.exceptions import ConcurrentChange


def in_parallel(count: int, work: Callable[[int], object]) -> list:
	"""What each call returned or raised, in the order of the callers. All start together."""
	frappe.db.commit()
	results = _each(count, work)
	frappe.db.rollback()  # the next read sees what they committed
	return results


def meanwhile(work: Callable[[], object]) -> None:
	"""Do it in another transaction, while that of the test still sees what it read before."""
	(result,) = _each(1, lambda _number: work())
	if isinstance(result, Exception):
		raise result


def as_retried(work: Callable[[], object]) -> object:
	"""What it returns, if need be in a new transaction: some databases refuse to lock what was changed since the snapshot."""
	try:
		return work()
	except Exception as error:
		if not (isinstance(error, ConcurrentChange) or is_conflict(error)):
			raise
		frappe.db.rollback()
		return work()


def _each(count: int, work: Callable[[int], object]) -> list:
	site, path, conf = frappe.local.site, frappe.local.sites_path, dict(frappe.conf)
	start, results = threading.Barrier(count), [None] * count

	def caller(number: int):
		frappe.init(site=site, sites_path=path)
		frappe.conf.update(conf)
		frappe.connect()
		try:
			start.wait()
			results[number] = work(number)
		except Exception as error:
			results[number] = error
		finally:
			frappe.destroy()

	threads = [threading.Thread(target=caller, args=(number,)) for number in range(count)]
	for thread in threads:
		thread.start()
	for thread in threads:
		thread.join()
	return results
