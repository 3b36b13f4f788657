"""Jobs that run after the request: queues in memory and the threads that work on them."""

import pickle
import queue as queues
import threading
import uuid
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import frappe
from frappe._absent import _absent
from frappe.types import _dict

_QUEUES = ("default", "short", "long")
_SECONDS = {"default": 300, "short": 300, "long": 1500}
_RETRIES = 5
_REMEMBERED = 1000
_waiting: dict[str, queues.Queue] = defaultdict(queues.Queue)
_jobs: dict[str, "_Job"] = {}
_guard = threading.Lock()
_ended = threading.Condition(_guard)


class _Job(_dict):
	"""What RQ's jobs offer, as far as it is used here."""

	def get_status(self, refresh: bool = True) -> str:
		return self.status

	def is_busy(self) -> bool:
		return self.status in ("queued", "started")

	def set_status(self, status: str) -> None:
		self.status = status

	def heartbeat(self, timestamp: datetime, ttl: int) -> None:
		self.last_heartbeat = timestamp

	def save(self) -> None:
		"""Nothing to do: RQ would write it to Redis."""

	def get_position(self) -> int | None:
		waiting = list(_waiting[self.queue].queue)
		return next((place for place, job in enumerate(waiting) if job is self), None)

	def delete(self) -> None:
		with _guard:
			if _jobs.get(self.id) is self:
				del _jobs[self.id]


class _Queue:
	"""What RQ's queues offer, as far as it is used here."""

	def __init__(self, name: str):
		self.name = name

	def remove(self, job: _Job) -> None:
		waiting = _waiting[self.name]
		with waiting.mutex:
			waiting.queue = deque(one for one in waiting.queue if one is not job)


def get_queue(qtype: str, is_async: bool = True) -> _Queue:
	return _Queue(qtype)


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
	job_id: str | None = None,
	deduplicate=False,
	**kwargs,
) -> Any:
	"""Queue the function for a worker; with `now` call it at once."""
	if queue not in _QUEUES:
		raise NotImplementedError(f"benchless has no queue {queue!r}; use a bench")
	if deduplicate:
		if not job_id:
			frappe.throw(frappe._("`job_id` paramater is required for deduplication."))
		if is_job_enqueued(job_id):
			return None
	if now or not (is_async or frappe.flags.in_test):
		return frappe.call(method, **kwargs)
	job = _Job(id=create_job_id(job_id), status="queued", queue=queue, method=method, kwargs=kwargs)
	job.update(site=frappe.local.site, sites_path=frappe.local.sites_path, user=frappe.session.user)
	job.update(origin=queue, timeout=timeout or _SECONDS[queue], enqueued_at=datetime.now(timezone.utc))
	if enqueue_after_commit:
		frappe.db.after_commit.add(lambda: _put(job))
		return None
	return _put(job)


def _put(job: _Job) -> _Job:
	# The job gets copies, as it would through Redis; what cannot be copied fails here as there.
	job.kwargs = pickle.loads(pickle.dumps(job.kwargs))
	with _guard:
		_jobs[job.id] = job
		for old in list(_jobs)[:-_REMEMBERED]:
			if _jobs[old].status in ("finished", "failed"):
				del _jobs[old]
	_waiting[job.queue].put(job)
	return job


def start_worker(queue: str | None = None, quiet: bool = False, *, burst: bool = False) -> None:
	"""Run the jobs of one queue until `_stop_workers`; in burst mode those of all queues until none is left."""
	for name in [queue] if queue else _QUEUES:
		while job := _next_job(name, burst):
			# In a thread of its own, so that a burst inside a test keeps the connection of the test.
			thread = threading.Thread(target=_run, args=(job,), name=f"job {job.id}")
			thread.start()
			thread.join()
			with _ended:
				_ended.notify_all()


def _wait_until_idle(seconds: float) -> bool:
	"""Wait for the jobs that wait or run now, and for those that they queue; False when it takes longer."""
	with _ended:
		return _ended.wait_for(lambda: not any(job.is_busy() for job in _jobs.values()), seconds)


def _next_job(queue: str, burst: bool) -> _Job | None:
	try:
		return _waiting[queue].get(block=not burst)
	except queues.Empty:
		return None


def _stop_workers() -> None:
	for name in _QUEUES:
		_waiting[name].put(None)


def _forget_waiting_jobs() -> None:
	"""Drop jobs that have not started: their site is being removed, or the test that queued them is over."""
	for name in _QUEUES:
		while _next_job(name, burst=True):
			pass
	with _guard:
		for job_id in [job_id for job_id, job in _jobs.items() if job.status == "queued"]:
			del _jobs[job_id]


def _run(job: _Job) -> None:
	if _jobs.get(job.id) is not job:
		return  # deleted, and perhaps queued again
	job.status = "started"
	# A worker is a thread of this process: it does not die alone.
	job.last_heartbeat = datetime.max.replace(tzinfo=timezone.utc)
	frappe.init(job.site, sites_path=job.sites_path)
	frappe.connect()
	try:
		_execute(job)
		job.status = "finished"
	except Exception:
		job.status = "failed"
	finally:
		frappe.destroy()


def _execute(job: _Job, retry: int = 0) -> None:
	"""Run one job as its own transaction; what it raises is logged and raised again."""
	method = frappe.get_attr(job.method) if isinstance(job.method, str) else job.method
	frappe.set_user(job.user)
	try:
		method(**job.kwargs)
		frappe.db.commit()
	except (frappe.RetryBackgroundJobError, frappe.QueryTimeoutError, frappe.QueryDeadlockError):
		frappe.db.rollback()
		if retry >= _RETRIES:
			raise
		_execute(job, retry + 1)
	except Exception:
		frappe.db.rollback()
		frappe.log_error(title=f"{method.__module__}.{method.__qualname__}")
		frappe.db.commit()
		raise


def create_job_id(job_id: str | None = None) -> str:
	"""Ids are kept apart per site."""
	return f"{frappe.local.site}::{job_id or uuid.uuid4()}"


def is_job_enqueued(job_id: str) -> bool:
	job = get_job(job_id)
	return bool(job and job.is_busy())


def get_job_status(job_id: str) -> str | None:
	job = get_job(job_id)
	return job and job.status


def get_job(job_id: str) -> Any:
	with _guard:
		return _jobs.get(create_job_id(job_id))


_absent("frappe.utils.background_jobs")
