"""Real proxies with the configurations of clients/python/examples, in front of a model server that remembers what it was sent."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import SkipTest
from urllib.parse import urlsplit

import frappe

from oropendola_payments.tests.support.source import ROOT

EXAMPLES = ROOT / "clients" / "python" / "examples"
# The addresses in the examples.
SITE, SITE_NAME, MODELS, LISTEN = "shop.example:8000", "shop.example", "127.0.0.1:9000", "8080"


class ModelServer:
	"""Answers every request with 200, and keeps its method, path, headers and body."""

	def __init__(self):
		self.requests: list[dict] = []
		self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
		self.address = f"127.0.0.1:{self._server.server_port}"
		threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

	def close(self):
		self._server.shutdown()
		self._server.server_close()

	def _handler(self):
		kept = self.requests

		class Handler(BaseHTTPRequestHandler):
			def _answer(self):
				body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
				kept.append(
					{"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
				)
				self.send_response(200)
				self.send_header("Content-Length", "2")
				self.end_headers()
				self.wfile.write(b"{}")

			do_GET = do_POST = do_DELETE = do_OPTIONS = _answer

			def log_message(self, *_arguments):
				pass

		return Handler


class Proxy:
	"""A proxy that runs until `close`. `ask` sends it one request."""

	def __init__(self, command: list[str], port: int, environ: dict | None = None, ready_at: str = "/"):
		self.port, self._ready_at = port, ready_at
		self._process = subprocess.Popen(
			command,
			stdout=subprocess.DEVNULL,
			stderr=subprocess.DEVNULL,
			env={**os.environ, **(environ or {})},
		)
		self._wait()

	def close(self):
		if self._process.poll() is None:
			self._process.terminate()
			self._process.wait(timeout=20)

	def ask(
		self, method: str, path: str, headers: dict | None = None, body: bytes = b""
	) -> tuple[int, dict, bytes]:
		connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
		try:
			connection.request(method, path, body or None, headers or {})
			answer = connection.getresponse()
			return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
		finally:
			connection.close()

	def _wait(self):
		until = time.monotonic() + 30
		while time.monotonic() < until and self._process.poll() is None:
			try:
				if self.ask("GET", self._ready_at)[0] != 404:  # Traefik listens before it knows its routes
					return
			except OSError:
				pass
			time.sleep(0.05)
		raise AssertionError(f"{self._process.args} did not start")


def start(name: str, site: str, models: str, change=lambda text: text) -> Proxy:
	"""Start nginx, traefik or envoy with its example. `change` may edit the configuration."""
	program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/bin")
	if not program or not EXAMPLES.is_dir():
		raise SkipTest(f"There is no {name} here.")
	folder, port = Path(tempfile.mkdtemp(prefix=f"proxy-{name}-")), free_port()
	for path in (EXAMPLES / name).iterdir():
		text = change(path.read_text())
		(folder / path.name).write_text(_with_addresses(text, site, models, port, folder))
	commands = {
		"nginx": [
			"-c",
			str(folder / "nginx.conf"),
			"-p",
			str(folder),
			"-e",
			str(folder / "error.log"),
			"-g",
			"daemon off;",
		],
		"traefik": [f"--configFile={folder / 'traefik.yml'}"],
		"envoy": ["-c", str(folder / "envoy.yaml"), "--base-id", str(port), "--log-level", "error"],
	}
	return Proxy([program, *commands[name]], port)


def _with_addresses(text: str, site: str, models: str, port: int, folder: Path) -> str:
	where = urlsplit(site)
	host, number = "127.0.0.1", where.port or 80
	text = text.replace("server 127.0.0.1:8000", f"server {host}:{number}").replace(SITE, f"{host}:{number}")
	text = text.replace("address: shop.example, port_value: 8000", f"address: {host}, port_value: {number}")
	text = text.replace("port_value: 9000", f"port_value: {models.rpartition(':')[2]}").replace(
		MODELS, models
	)
	text = text.replace("dynamic.yml", str(folder / "dynamic.yml")).replace(LISTEN, str(port))
	text = text.replace("events {}", f"pid {folder}/nginx.pid;\nevents {{}}")
	return text.replace(SITE_NAME, frappe.local.site)


def free_port() -> int:
	with socket.socket() as listener:
		listener.bind(("127.0.0.1", 0))
		return listener.getsockname()[1]


def as_json(body: bytes) -> dict:
	return json.loads(body or b"{}")
