"""Which addresses may be called, and that a name which changes its mind is of no use."""

import os
import socket
import threading

from hypothesis import given
from hypothesis import strategies as st

from oropendola_payments.engine.webhooks_out import addresses, post
from oropendola_payments.engine.webhooks_out.addresses import AddressRefused, Target, is_public, parse
from oropendola_payments.tests.support.case import TestCase
from oropendola_payments.tests.support.receiver import Receiver, WebhookTestCase, conf

REFUSED = (
	*(
		"http://example.com/",
		"ftp://example.com/",
		"//example.com/",
		"example.com",
		"https://",
		"https:///x",
		"javascript:1",
	),
	*(
		"https://user@example.com/",
		"https://user:pw@example.com/",
		"https://@example.com/",
		"https://example.com/#part",
	),
	*(
		"https://localhost/",
		"https://LOCALHOST/",
		"https://a.localhost/",
		"https://intranet/",
		"https://db.internal/",
	),
	*(
		"https://127.0.0.1/",
		"https://127.1/",
		"https://2130706433/",
		"https://0x7f000001/",
		"https://0x7f.1/",
	),
	*(
		"https://017700000001/",
		"https://0177.0.0.1/",
		"https://10.0.0.1/",
		"https://8.8.8.8/",
		"https://1.2.3.4./",
	),
	*(
		"https://[::1]/",
		"https://[::ffff:127.0.0.1]/",
		"https://[64:ff9b::7f00:1]/",
		"https://[fe80::1%25eth0]/",
	),
	*(
		"https://１２７.０.０.１/",
		"https://127。0。0。1/",
		"https://①②⑦.0.0.1/",
		"https://example.com:22/",
		"https://example.com:8443/",
	),
	*(
		"https://example.com:99999/",
		"https://example.com:x/",
		"https://example.com\\@127.0.0.1/",
		"https://exa mple.com/",
	),
	*(
		"https://example.com/\r\nX: y",
		"https://example.com/\t",
		"https://exa_mple.com/",
		"https://-a.example.com/",
		"https://a..b/",
	),
	*(
		"https://example.com/नमस्ते",
		"https://[::1",
		"https://" + "a" * 600 + ".com/",
		"https://hook.test/",
	),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "93.184.216.34", "::ffff:8.8.8.8")
NOT_PUBLIC = (
	*("127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
	*("100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "203.0.113.5", "224.0.0.1", "239.255.255.255", "240.0.0.1"),
	*("255.255.255.255", "168.63.129.16", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
	*("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1"),
	*("2002:7f00:1::", "2002:0a00:0001::1", "2001:0:7f00:1::", "2001:db8::1", "fec0::1", "192.88.99.1"),
)  # fmt: skip


class TestParse(TestCase):
	def test_addresses_that_could_lead_inside_are_refused(self):
		"""W3."""
		for url in REFUSED:
			with self.subTest(url), self.assertRaises(AddressRefused):
				parse(url)

	def test_a_public_address_is_accepted_with_its_name_in_ascii(self):
		for url, host, path in (
			("https://example.com", "example.com", "/"),
			("https://EXAMPLE.com:443/hook?a=b", "example.com", "/hook?a=b"),
			("https://bücher.example.com/x", "xn--bcher-kva.example.com", "/x"),
			("https://example.com./hook", "example.com", "/hook"),
		):
			target = parse(url)
			self.assertEqual((target.host, target.port, target.path), (host, 443, path))

	def test_further_ports_are_allowed_by_the_site_alone(self):
		with conf(webhook_ports=[8443]):
			self.assertEqual(parse("https://example.com:8443/").port, 8443)
			self.assertRaises(AddressRefused, parse, "https://example.com:22/")

	def test_loopback_is_only_allowed_where_the_site_says_so(self):
		"""W4."""
		with conf(allow_loopback_webhooks=0):
			self.assertRaises(AddressRefused, parse, "http://127.0.0.1:8000/hook")
		with conf(allow_loopback_webhooks=1):
			self.assertTrue(parse("http://127.0.0.1:8000/hook").is_loopback)
			for url in (
				"http://10.0.0.1/",
				"http://example.com/",
				"https://169.254.169.254/",
				"http://127.1/",
			):
				self.assertRaises(AddressRefused, parse, url)

	def test_the_site_itself_is_refused(self):
		with conf(host_name="https://shop.example.org"):
			self.assertRaises(AddressRefused, parse, "https://shop.example.org/api/method/ping")
			self.assertRaises(AddressRefused, parse, "https://SHOP.example.org./")

	@given(st.text(max_size=60))
	def test_no_text_makes_the_check_fail_otherwise(self, text):
		for url in (text, f"https://{text}", f"https://example.com/{text}"):
			try:
				target = parse(url)
			except AddressRefused:
				continue
			self.assertEqual((target.scheme, target.port), ("https", 443))
			self.assertTrue(target.host.isascii() and "." in target.host and target.path.isascii(), url)

	@given(st.integers(0, 2**32 - 1))
	def test_no_ipv4_address_is_a_name_however_it_is_written(self, number):
		"""W3."""
		parts = [str(number >> shift & 255) for shift in (24, 16, 8, 0)]
		octal = [f"0{int(part):o}" for part in parts]
		for host in (
			".".join(parts),
			str(number),
			hex(number),
			f"0{number:o}",
			".".join(octal),
			f"[::ffff:{'.'.join(parts)}]",
		):
			self.assertRaises(AddressRefused, parse, f"https://{host}/")


class TestAddresses(TestCase):
	def test_only_addresses_of_the_public_internet_are_public(self):
		"""W5."""
		self.assertEqual([text for text in PUBLIC if not is_public(text)], [])
		self.assertEqual([text for text in NOT_PUBLIC if is_public(text)], [])

	@given(st.ip_addresses(v=4))
	def test_an_ipv4_address_inside_ipv6_is_never_more_public_than_itself(self, ip):
		"""W5."""
		self.assertEqual(is_public(f"::ffff:{ip}"), is_public(str(ip)))
		number = int(ip)
		for wrapped in (
			f"64:ff9b::{number >> 16:x}:{number & 65535:x}",
			f"2002:{number >> 16:x}:{number & 65535:x}::1",
		):
			self.assertFalse(is_public(wrapped))


class TestConnecting(WebhookTestCase):
	def test_a_public_name_that_leads_inside_is_not_called(self):
		"""W5: such a name can be registered by anybody; the system's resolver finds this one without a network."""
		target = Target("https", "localhost", self.receiver_port(), "/hook")
		answer = post.post(target, {}, b"{}")
		self.assertEqual((answer.status, answer.error), (0, post.NOT_PUBLIC))
		self.assertEqual(self.receiver.received, [])

	def test_all_addresses_of_a_name_must_be_public(self):
		"""W5."""
		with resolver(["8.8.8.8", "127.0.0.1"]):
			answer = post.post(Target("https", "mixed.example.com", 443, "/"), {}, b"{}")
		self.assertEqual(answer.error, post.NOT_PUBLIC)

	def test_the_name_is_looked_up_once_and_the_connection_goes_to_what_was_checked(self):
		"""W6: the second answer would lead inside."""
		other = Receiver()
		self.addCleanup(other.close)
		target = Target("http", "rebinding.example.com", self.receiver_port(), "/hook", is_loopback=True)
		with resolver(["127.0.0.1"], ["127.0.0.2"]) as asked:
			answer = post.post(target, {}, b"{}")
		self.assertEqual((answer.status, len(asked)), (200, 1))
		self.assertEqual(self.receiver.received[0].headers["host"], f"rebinding.example.com:{target.port}")

	def test_a_proxy_of_the_environment_is_not_used(self):
		before = os.environ.get("http_proxy")
		os.environ["http_proxy"] = "http://127.0.0.1:1"
		try:
			answer = post.post(addresses.parse(self.receiver.url), {}, b"{}")
		finally:
			os.environ.pop("http_proxy") if before is None else os.environ.update(http_proxy=before)
		self.assertEqual(answer.status, 200)

	def test_a_certificate_that_nobody_trusts_is_refused(self):
		"""W6."""
		target = Target("https", "localhost", self.receiver_port(), "/hook", is_loopback=True)
		answer = post.post(target, {}, b"{}")  # it does not even speak TLS
		self.assertEqual((answer.status, answer.error), (0, post.NO_TLS))

	def test_strange_answers_are_errors_and_not_exceptions(self):
		for text in (
			b"",
			b"SSH-2.0-x\r\n",
			b"HTTP/1.1 abc\r\n\r\n",
			b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300 + b"\r\n",
			b"\x00" * 70000,
		):
			with raw_server(text) as port:
				answer = post.post(
					Target("http", "127.0.0.1", port, "/", is_loopback=True), {}, b"{}", post.Limits(2, 2)
				)
			self.assertFalse(answer.succeeded)
			self.assertTrue(answer.error, text[:20])

	def test_an_answer_that_drips_is_cut_off(self):
		"""W8: each byte would start a socket's time-out anew."""
		stop = threading.Event()
		with raw_server(b"HTTP/1.1 200 OK\r\nX: ", drip=stop) as port:
			answer = post.post(
				Target("http", "127.0.0.1", port, "/", is_loopback=True), {}, b"{}", post.Limits(1, 0.4)
			)
			stop.set()
		self.assertEqual(answer.error, post.TOO_LATE)
		self.assertLess(answer.milliseconds, 2000)

	def test_a_closed_port_is_an_error(self):
		self.receiver.close()
		answer = post.post(addresses.parse(self.receiver.url), {}, b"{}", post.Limits(1, 1))
		self.assertEqual(answer.error, post.NO_CONNECTION)

	def receiver_port(self) -> int:
		return addresses.parse(self.receiver.url).port


class resolver:
	"""A DNS server that gives one answer after another, then the last one again."""

	def __init__(self, *answers: list[str]):
		self.answers, self.asked = list(answers), []

	def __enter__(self):
		self.before = socket.getaddrinfo
		socket.getaddrinfo = self.look_up
		return self.asked

	def __exit__(self, *error):
		socket.getaddrinfo = self.before

	def look_up(self, host, port, **options):
		self.asked.append(host)
		found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
		return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


class raw_server:
	"""Answers one connection with these bytes, and then byte by byte until `drip` is set."""

	def __init__(self, text: bytes, drip: threading.Event | None = None):
		self.text, self.drip = text, drip
		self.listener = socket.create_server(("127.0.0.1", 0))

	def __enter__(self) -> int:
		threading.Thread(target=self.answer, daemon=True).start()
		return self.listener.getsockname()[1]

	def __exit__(self, *error):
		self.listener.close()

	def answer(self):
		connection, _address = self.listener.accept()
		with connection:
			connection.recv(65536)
			try:
				connection.sendall(self.text)
				while self.drip and not self.drip.wait(0.05):
					connection.sendall(b"x")
			except OSError:
				pass
