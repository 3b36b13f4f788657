"""What a broken network or a broken gateway means for a call: surely not sent, or perhaps."""

import os
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import tracemalloc
import unittest
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests

from oropendola_payments.gateways.errors import BadAnswer, Blocked, CredentialsRefused, MaybeSent, NotSent
from oropendola_payments.gateways.http import MAX_ANSWER_BYTES, HttpClient, read_json

OK = b"HTTP/1.1 200 OK\r\n"


class ServerCase(unittest.TestCase):
	@contextmanager
	def serving(self, answer: Callable[[socket.socket], None]) -> Iterator[int]:
		"""The port of a server that does this with its only connection."""
		with socket.create_server(("127.0.0.1", 0)) as server:
			thread = threading.Thread(target=self._serve, args=(server, answer), daemon=True)
			thread.start()
			yield server.getsockname()[1]
			thread.join(5)

	@staticmethod
	def _serve(server: socket.socket, answer: Callable[[socket.socket], None]) -> None:
		connection, _ = server.accept()
		with connection, suppress(OSError):
			answer(connection)

	def get(self, port: int, **options) -> requests.Response:
		return HttpClient(timeout=(1, 0.5)).send("GET", f"http://127.0.0.1:{port}/", label="Acme", **options)


class TestBodies(ServerCase):
	def test_an_answer_that_trickles_for_ever_ends_with_the_time_out(self):
		def answer(connection):
			connection.recv(65536)
			connection.sendall(OK + b"Content-Length: 100000\r\n\r\n{")
			for _ in range(100):
				connection.sendall(b" ")
				time.sleep(0.05)

		start = time.monotonic()
		with self.serving(answer) as port:
			with self.assertRaises(MaybeSent):
				self.get(port)
			self.assertLess(time.monotonic() - start, 2)

	def test_no_more_of_a_long_answer_is_read_than_is_accepted(self):
		packer = zlib.compressobj(9, zlib.DEFLATED, 31)
		packed = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()
		head = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

		def answer(connection):
			connection.recv(65536)
			connection.sendall(OK + head + packed)

		tracemalloc.start()
		self.addCleanup(tracemalloc.stop)
		with self.serving(answer) as port, self.assertRaises(BadAnswer):
			read_json(self.get(port), "Acme")
		self.assertLess(tracemalloc.get_traced_memory()[1], 40 * MAX_ANSWER_BYTES)

	def test_an_answer_in_packed_chunks_is_read_whole(self):
		text = b'{"order": "' + b"x" * 50_000 + b'"}'
		packed = zlib.compress(text, wbits=31)
		chunks = [packed[start : start + 70] for start in range(0, len(packed), 70)]
		body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in [*chunks, b""])

		def answer(connection):
			connection.recv(65536)
			connection.sendall(OK + b"Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

		with self.serving(answer) as port:
			self.assertEqual(self.get(port).content, text)

	def test_an_answer_that_breaks_off_may_have_been_sent(self):
		def answer(connection):
			connection.recv(65536)
			connection.sendall(OK + b"Content-Length: 100\r\n\r\n{}")

		with self.serving(answer) as port, self.assertRaises(MaybeSent):
			self.get(port)


class TestConnections(ServerCase):
	def test_a_connection_is_used_again(self):
		"""A sweep asks about many payments."""

		def answer(connection):
			for _ in range(2):
				connection.recv(65536)
				connection.sendall(OK + b"Content-Length: 2\r\n\r\n{}")

		client = HttpClient(timeout=(1, 1))
		with self.serving(answer) as port:
			for _ in range(2):
				answer = client.send("GET", f"http://127.0.0.1:{port}/", label="Acme")
				self.assertEqual((answer.content, answer.text), (b"{}", "{}"))


class TestFirewalls(ServerCase):
	"""A page that says 403 comes from a firewall in front of the gateway, which knows nothing of our keys."""

	def refused_with(self, body: bytes) -> None:
		def answer(connection):
			connection.recv(65536)
			head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n" % len(body)
			connection.sendall(head + body)

		with self.serving(answer) as port:
			HttpClient(timeout=(1, 1)).call("GET", f"http://127.0.0.1:{port}/", label="Acme")

	def test_the_page_of_a_firewall_does_not_refuse_our_keys(self):
		for page in (b"<html><title>Access denied</title></html>", b"\r\n<!DOCTYPE html>"):
			with self.assertRaises(Blocked) as caught:
				self.refused_with(page)
			self.assertIn("firewall", str(caught.exception))

	def test_json_or_nothing_refuses_our_keys(self):
		for body in (b'{"error": "NOT_AUTHORIZED"}', b""):
			with self.assertRaises(CredentialsRefused):
				self.refused_with(body)


class TestTls(ServerCase):
	@classmethod
	def setUpClass(cls):
		super().setUpClass()
		folder = tempfile.TemporaryDirectory()
		cls.addClassCleanup(folder.cleanup)
		cls.key, cls.certificate = Path(folder.name) / "key.pem", Path(folder.name) / "certificate.pem"
		command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -addext subjectAltName=DNS:localhost"
		files = ["-keyout", str(cls.key), "-out", str(cls.certificate)]
		subprocess.run([*command.split(), *files], check=True, capture_output=True)

	def encrypted(self, connection: socket.socket) -> ssl.SSLSocket:
		context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
		context.load_cert_chain(self.certificate, self.key)
		return context.wrap_socket(connection, server_side=True)

	def post(self, port: int, **options) -> requests.Response:
		return HttpClient().send("POST", f"https://localhost:{port}/", label="Acme", data=b"{}", **options)

	def test_a_fault_of_tls_after_the_request_may_have_been_sent(self):
		"""R13: a refund of which only the answer was lost must not count as never sent."""

		def answer(connection):
			tls = self.encrypted(connection)
			tls.recv(65536)
			with socket.socket(fileno=os.dup(tls.fileno())) as plain:
				plain.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
				time.sleep(0.2)

		with self.serving(answer) as port, self.assertRaises(MaybeSent):
			self.post(port, verify=str(self.certificate))

	def test_nothing_is_sent_to_a_server_whose_certificate_is_not_trusted(self):
		with self.serving(self.encrypted) as port, self.assertRaises(NotSent):
			self.post(port)
