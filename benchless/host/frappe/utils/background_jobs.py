"""Jobs that run after the request: a queue in memory and the threads that work on it."""

import pickle
import queue as queues
import threading
import uuid
from collections.abc import Callable
from typing import Any

import frappe
from frappe.types import _dict

_RETRIES = 5
_REMEMBERED = 1000
_waiting: queues.Queue = queues.Queue()
_jobs: dict[str, _dict] = {}
_guard = threading.Lock()


def enqueue(
	method: str | Callable,
	queue: str = "default",
	timeout: int | None = None,
	event=None,
	is_async: bool = True,
	job_name: str | None = None,
	now: bool = False,
	enqueue_after_commit: bool = False,
	*,
	on_success: Callable | None = None,
	on_failure: Callable | None = None,
	at_front: bool = False,
	job_id: str | None = None,
	deduplicate=False,
	**kwargs,
) -> Any:
	"""Have the function called by a worker; with `now` at once and here."""
	is_async = kwargs.pop("async", is_async)
	if deduplicate:
		if not job_id:
			frappe.throw(frappe._("`job_id` paramater is required for deduplication."))
		if is_job_enqueued(job_id):
			return None
	if now or not (is_async or frappe.flags.in_test):
		return frappe.call(method, **kwargs)
	job = _dict(
		id=create_job_id(job_id),
		status="queued",
		queue=queue,
		site=frappe.local.site,
		sites_path=frappe.local.sites_path,
		user=frappe.session.user,
		method=method,
		event=event,
		job_name=job_name or _name_of(method),
		kwargs=kwargs,
		on_success=on_success,
		on_failure=on_failure,
	)
	if enqueue_after_commit:
		frappe.db.after_commit.add(lambda: _put(job))
		return None
	return _put(job)


def _name_of(method: str | Callable) -> str:
	return method if isinstance(method, str) else f"{method.__module__}.{method.__qualname__}"


def _put(job: _dict) -> _dict:
	# The job gets copies, as it would through Redis; what cannot be copied fails here as there.
	job.kwargs = pickle.loads(pickle.dumps(job.kwargs))
	with _guard:
		_jobs[job.id] = job
		for old in list(_jobs)[:-_REMEMBERED]:
			if _jobs[old].status in ("finished", "failed"):
				del _jobs[old]
	_waiting.put(job)
	return job


def enqueue_doc(doctype, name=None, method=None, queue="default", timeout=300, now=False, **kwargs):
	"""Have a method of a document called by a worker."""
	target = "frappe.utils.background_jobs.run_doc_method"
	options = {"queue": queue, "timeout": timeout, "now": now}
	return enqueue(target, doctype=doctype, name=name, doc_method=method, **options, **kwargs)


def run_doc_method(doctype, name, doc_method, **kwargs):
	getattr(frappe.get_doc(doctype, name), doc_method)(**kwargs)


def execute_job(site, method, event, job_name, kwargs, user=None, is_async=True, retry=0):
	"""Run one job as its own transaction; what it raises is logged and raised again."""
	if isinstance(method, str):
		method = frappe.get_attr(method)
	if user:
		frappe.set_user(user)
	frappe.local.job = _dict(site=site, method=_name_of(method), job_name=job_name, kwargs=kwargs, user=user)
	try:
		result = method(**kwargs)
	except (frappe.RetryBackgroundJobError, frappe.QueryTimeoutError, frappe.QueryDeadlockError):
		frappe.db.rollback()
		if retry >= _RETRIES:
			raise
		return execute_job(site, method, event, job_name, kwargs, user, is_async, retry + 1)
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=_name_of(method))
		frappe.db.commit()
		raise
	frappe.db.commit()
	return result


def start_worker(
	queue: str | None = None,
	quiet: bool = False,
	rq_username: str | None = None,
	rq_password: str | None = None,
	burst: bool = False,
	strategy=None,
) -> None:
	"""Work on jobs until `_stop_worker`; in burst mode until no job waits."""
	while True:
		try:
			job = _waiting.get(block=not burst)
		except queues.Empty:
			return
		if job is None:
			return
		_work_on(job)


def _stop_worker() -> None:
	_waiting.put(None)


def _work_on(job: _dict) -> None:
	"""Run the job in a context of its own, so that a burst inside a test keeps the connection of the test."""
	thread = threading.Thread(target=_run, args=(job,), name=f"job {job.job_name}")
	thread.start()
	thread.join()


def _run(job: _dict) -> None:
	job.status = "started"
	frappe.init(job.site, sites_path=job.sites_path)
	frappe.connect()
	try:
		result = execute_job(job.site, job.method, job.event, job.job_name, job.kwargs, job.user)
	except Exception as error:
		job.status = "failed"
		if job.on_failure:
			job.on_failure(job, None, type(error), error, error.__traceback__)
	else:
		job.status = "finished"
		if job.on_success:
			job.on_success(job, None, result)
	finally:
		frappe.destroy()


def create_job_id(job_id: str | None = None) -> str:
	"""Ids are kept apart per site."""
	return f"{frappe.local.site}::{job_id or uuid.uuid4()}"


def is_job_enqueued(job_id: str) -> bool:
	return get_job_status(job_id) in ("queued", "started")


def get_job_status(job_id: str) -> str | None:
	job = get_job(job_id)
	return job and job.status


def get_job(job_id: str):
	with _guard:
		return _jobs.get(create_job_id(job_id))
