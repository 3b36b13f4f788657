"""Which addresses may be called: https to public hosts. Checked when an endpoint is registered, and again with each delivery."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

import frappe
import idna
from frappe import _
from frappe.utils import cint, get_url

from oropendola_payments.exceptions import BadRequest

LONGEST = 500
PORTS = (443,)
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
LOCAL = (
	"localhost",
	"local",
	"internal",
	"intranet",
	"lan",
	"home",
	"corp",
	"onion",
	"invalid",
	"test",
	"arpa",
)
# Python calls these global: translated, tunnelled and mapped IPv4 addresses, and metadata services of clouds.
INTERNAL = tuple(
	ip_network(text)
	for text in (
		*(
			"64:ff9b::/96",
			"64:ff9b:1::/48",
			"2002::/16",
			"2001::/32",
			"::/96",
			"::ffff:0:0:0/96",
			"fec0::/10",
		),
		*("168.63.129.16/32", "192.88.99.0/24"),
	)
)


class AddressRefused(BadRequest):
	error_code = "address_refused"


@dataclass(frozen=True)
class Target:
	"""An address in its parts. `host` is the ASCII name for Host, SNI and certificate."""

	scheme: str
	host: str
	port: int
	path: str
	is_loopback: bool = False


def parse(url: str) -> Target:
	"""Return the parts of a URL. Raises AddressRefused unless it is https, to a public name and an allowed port."""
	if len(url) > LONGEST or not url.isprintable() or any(sign in url for sign in ' \\"<>`{}|^'):
		raise AddressRefused(_("The URL is too long, or contains characters that no URL may have."))
	try:
		parts = urlsplit(url)
		port, host = parts.port, parts.hostname or ""
	except ValueError:
		raise AddressRefused(
			_("This is not a URL. Please send one such as https://example.com/hook.")
		) from None
	if parts.username is not None or parts.password is not None or parts.fragment:
		raise AddressRefused(_("The URL may contain neither a user name or password nor a fragment (#)."))
	path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
	if not path.isascii():
		raise AddressRefused(
			_("Please write the path of the URL in ASCII, with percent signs for other letters.")
		)
	if may_loop_back() and host in LOOPBACK_NAMES and parts.scheme in ("http", "https"):
		return Target(
			parts.scheme, host, port or (443 if parts.scheme == "https" else 80), path, is_loopback=True
		)
	if parts.scheme != "https":
		raise AddressRefused(_("The URL must begin with https://."))
	_require_port(port or 443)
	return Target("https", _public_name(host), port or 443, path)


def may_loop_back() -> bool:
	"""Return whether this site may call programs on its own machine, which is for development and tests."""
	return bool(cint(frappe.conf.get("allow_loopback_webhooks")))


def _require_port(port: int) -> None:
	allowed = {*PORTS, *map(cint, frappe.conf.get("webhook_ports") or ())}
	if port not in allowed:
		message = _("The URL may not use port {0}. Please use one of: {1}.")
		raise AddressRefused(message.format(port, ", ".join(map(str, sorted(allowed)))))


def _public_name(host: str) -> str:
	"""Return the name in ASCII. A bare IP address, however it is written, is no name."""
	try:
		name = idna.encode(host.removesuffix("."), uts46=True, std3_rules=True).decode().lower()
	except (idna.IDNAError, UnicodeError):
		raise AddressRefused(_("The host name of the URL is not valid.")) from None
	labels = name.split(".")
	if len(labels) < 2 or labels[-1] in LOCAL or labels[-1].startswith("0x") or labels[-1].isdigit():
		raise AddressRefused(
			_("The URL must have a public host name, such as example.com, and no IP address.")
		)
	if name in _own_names():
		raise AddressRefused(_("The URL must not lead back to this site."))
	return name


def _own_names() -> set[str]:
	hosts = (get_url(), frappe.conf.get("host_name") or "", f"https://{frappe.local.site}")
	return {urlsplit(host if "://" in host else f"https://{host}").hostname or "" for host in hosts}


def is_public(text: str) -> bool:
	"""Return whether an IP address belongs to the public internet. IPv4 inside IPv6 counts as what it is."""
	ip: IPv4Address | IPv6Address = ip_address(text.partition("%")[0])
	if isinstance(ip, IPv6Address) and ip.ipv4_mapped:
		ip = ip.ipv4_mapped
	if not ip.is_global or ip.is_multicast or ip.is_reserved:
		return False
	return not any(ip.version == network.version and ip in network for network in INTERNAL)
