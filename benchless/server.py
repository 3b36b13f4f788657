"""Serves one site from this process: web requests, queued jobs, scheduled jobs."""

import errno
import secrets
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path

import frappe
import frappe.app
from frappe.utils.background_jobs import _QUEUES, _stop_workers, _wait_until_idle, start_worker
from werkzeug.middleware.shared_data import SharedDataMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from benchless import site as sites

HOST = "127.0.0.1"
# What browsers call the site. The simulator's pages are under the number: two host names are two sites for a browser,
# so that coming back from a gateway is a cross-site visit, as in real life.
NAME = "localhost"
SCHEDULER_TICK = 15
APP = "oropendola_payments"


class PortInUse(Exception):
	"""Another program listens on this port."""


class Server:
	"""A site that answers on `url` from `start()` to `close()`."""

	def __init__(self, site: Path, port: int):
		self.site = Path(site).resolve()
		self._restore_site = use_site(self.site)
		try:
			with listen(port) as listener:
				options = {"threaded": True, "fd": listener.fileno(), "request_handler": _Quiet}
				self._web = make_server(HOST, port, self._answer, **options)
		except Exception:
			self._restore_site()
			raise
		self.port = self._web.port
		self.url = f"http://{NAME}:{self.port}"
		self._application = None
		self._threads = []
		self._stopping = threading.Event()

	def start(self) -> None:
		"""Take requests; the site must exist by now."""
		self._application = with_assets(self.site)
		workers = [(start_worker, (queue,)) for queue in _QUEUES]
		for target, arguments in ((self._web.serve_forever, (0.05,)), (self._schedule, ()), *workers):
			name = f"benchless {target.__name__}"
			thread = threading.Thread(target=target, args=arguments, name=name, daemon=True)
			thread.start()
			self._threads.append(thread)

	def close(self) -> None:
		"""Stop taking requests, finish the queued jobs, and end all threads."""
		self._stopping.set()
		if self._threads:
			self._web.shutdown()
			_stop_workers()
		self._web.server_close()
		for thread in self._threads:
			thread.join(timeout=30)
		self._restore_site()

	def finish_jobs(self) -> None:
		"""Return when no job waits or runs, those included that jobs queue."""
		if not _wait_until_idle(seconds=30):
			raise TimeoutError("Jobs are still running after 30 seconds.")

	def _answer(self, environ, start_response):
		answer = self._under_its_name(environ) or self._application
		return answer(environ, start_response)

	def _under_its_name(self, environ) -> Response | None:
		"""Redirect to the same page under the site's own name, because a log-in is valid for one of the two only."""
		request = Request(environ)
		if (
			request.host != f"{HOST}:{self.port}"
			or request.method != "GET"
			or request.path.startswith("/api/")
		):
			return None
		return redirect(request.url.replace(request.host, f"{NAME}:{self.port}", 1))

	def _schedule(self) -> None:
		while not self._stopping.wait(SCHEDULER_TICK):
			try:
				enqueue_due_events(self.site)
			except Exception:
				traceback.print_exc()


class _Quiet(WSGIRequestHandler):
	"""Errors are in the site's Error Log; a line per request would only hide what the command prints."""

	def log(self, type, message, *args):
		pass


def with_assets(site: Path) -> SharedDataMiddleware:
	"""Return the application plus the files that its apps have in `public`."""
	with sites.connect(site):
		folders = {
			f"/assets/{app}": frappe.get_app_path(app, "public") for app in frappe.get_installed_apps()
		}
	return SharedDataMiddleware(frappe.app.application, folders, cache=False)


def enqueue_due_events(site: Path) -> list[str]:
	"""Queue the scheduled jobs that are due and return their names."""
	from frappe.utils.scheduler import _enqueue_due, is_scheduler_inactive

	with sites.connect(site):
		return [] if is_scheduler_inactive() else _enqueue_due()


def use_site(site: Path) -> Callable[[], None]:
	"""Make the WSGI application serve this site; return the function that undoes it."""
	before = frappe.app._site, frappe.app._sites_path

	def restore() -> None:
		frappe.app._site, frappe.app._sites_path = before

	frappe.app._site, frappe.app._sites_path = site.name, str(site.parent)
	return restore


def listen(port: int) -> socket.socket:
	"""Return a socket that listens on the port, or raise PortInUse."""
	try:
		return socket.create_server((HOST, port), backlog=128)
	except OSError as error:
		if error.errno not in (errno.EADDRINUSE, errno.EACCES):
			raise
		raise PortInUse(
			f"Port {port} is in use. Choose another one, for example: --port {port + 1}"
		) from None


def run(site: Path, port: int, admin_password: str | None) -> int:
	"""Serve a site until Ctrl-C; it is made when the folder does not exist."""

	def prepare(server: Server) -> None:
		password = admin_password or secrets.token_urlsafe(9)
		if ensure_site(site, password, {"host_name": server.url}):
			print(f"Made {site}. Administrator's password: {password}")
		print(f"Serving {site} on {server.url}. Ctrl-C ends it.", flush=True)

	return serve(site, port, prepare)


def ensure_site(site: Path, admin_password: str, config: dict) -> bool:
	"""Create the site or migrate an old one; True when it was created."""
	from frappe.installer import update_site_config

	if not (site / "site_config.json").exists():
		sites.create_site(site, admin_password, [APP], config)
		return True
	with sites.connect(site):
		for key, value in config.items():
			update_site_config(key, value)
		sites.migrate()
	return False


def serve(site: Path, port: int, prepare: Callable[[Server], None]) -> int:
	"""Bind the port, prepare the site, then serve it until Ctrl-C or SIGTERM."""
	stop = threading.Event()
	for number in (signal.SIGINT, signal.SIGTERM):
		signal.signal(number, lambda *_: stop.set())
	try:
		server = Server(site, port)
	except PortInUse as error:
		print(error, file=sys.stderr)
		return 1
	try:
		prepare(server)
		server.start()
		stop.wait()
	finally:
		server.close()
	return 0
