"""The rooms of the app, the order between them, and who uses whom. A room is a folder that does one thing, or a module that stands alone."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from oropendola_payments.tests.support.source import (
	APP,
	NAME,
	Import,
	files,
	imports_in,
	imports_of,
	names_in,
	tree_of,
)

# From top to bottom. A room uses rooms of lower lines only: neither those above it nor those beside it.
LAYERS = (
	("hooks", "commands", "engine/reactions", "engine/sweeps", "engine/subscription_sweeps"),
	("www",),
	("web",),
	("openapi",),
	("api",),
	("mcp/protocol",),
	("mcp/tools",),
	("mcp",),
	("timeline_overrides",),
	("install", "overrides", "patches"),
	("integrations",),
	("integrations/payouts",),
	("integrations/erpnext",),
	("integrations/payments_app",),
	("integrations/outbox",),
	("engine/jobs",),
	("engine/privacy",),
	("engine/monitoring",),
	("engine/dunning",),
	("engine/link_checkout",),
	("engine/keys",),
	("engine/checkout",),
	("engine/proposals",),
	("engine/inbound",),
	("engine/payouts",),
	("engine/webhooks_out",),
	("engine/self_service",),
	("engine/plan_changes", "engine/top_ups"),
	("engine/subscriptions",),
	("engine/ending",),
	("engine/pauses",),
	("engine/usage_ledger",),
	("engine/settlement",),
	("engine/refunds",),
	("engine/notifications",),
	("engine/links",),
	("engine/frontends",),
	("engine/metering",),
	("engine/exports",),
	("engine/documents",),
	("engine/entitlements",),
	("engine/wallet",),
	("engine/parts",),
	("engine/trials",),
	("engine/coupons",),
	("engine/phone",),
	("engine/routing",),
	("engine/gateway",),
	("engine/tax",),
	("engine/day_figures",),
	("engine/core",),
	("ai_billing",),
	("compat", "exceptions", "roles", "gateways/*", "simulator"),
	("gateways", "simulator/providers/*"),
	("money", "simulator/core"),
)
# These find what lies above them by its name, so that a new gateway is a folder of its own.
REGISTRIES = {("gateways", "gateways/*"), ("simulator/core", "simulator")}
SPLIT = (
	"engine",
	"gateways",
	"integrations",
	"mcp",
	"simulator",
	"simulator/providers",
)  # folders whose folders are rooms


@dataclass(frozen=True)
class Arrow:
	"""One room uses another, at one place."""

	start: str
	end: str
	place: Import

	def __str__(self):
		return f"{self.start} -> {self.end}: {self.place}"


def room_of(module: str) -> str:
	"""The room of a dotted name of ours, such as engine/checkout, gateways/acme or money."""
	first, *rest = module.removeprefix(f"{NAME}.").split(".")
	room = first
	while room in SPLIT and rest and _is_room(f"{room}/{rest[0]}"):
		room = f"{room}/{rest.pop(0)}"
	return "simulator" if room == "simulator/providers" else room


@cache
def _is_room(place: str) -> bool:
	stands_alone = place.startswith("engine/") and APP.joinpath(f"{place}.py").is_file()
	return stands_alone or APP.joinpath(place).is_dir()


def module_of(path: Path) -> str:
	parts = path.relative_to(APP.parent).with_suffix("").parts
	return ".".join(part for part in parts if part != "__init__")


def rooms() -> dict[str, list[Path]]:
	"""Every room that has code, with its modules; tests are not counted."""
	found: dict[str, list[Path]] = {}
	for path in files():
		if path.parent not in (APP, APP / "engine") or path.name != "__init__.py":
			found.setdefault(room_of(module_of(path)), []).append(path)
	return found


@cache
def arrows() -> list[Arrow]:
	"""Every use of another room in the app."""
	return [arrow for path in files() for arrow in arrows_in(tree_of(path), path)]


def arrows_in(tree: ast.Module, path: Path) -> Iterator[Arrow]:
	"""Uses of other rooms: by an import, however late it runs, or by a name in a text, as for the queue."""
	start = room_of(module_of(path))
	for place in (*imports_in(tree, path), *names_in(tree, path)):
		if place.module.startswith(f"{NAME}.") and (end := room_of(place.module)) != start:
			yield Arrow(start, end, place)


def level(room: str) -> int | None:
	"""The line of LAYERS that a room stands in, counted from the top."""
	for number, names in enumerate(LAYERS):
		if any(fnmatch(room, name) for name in names):
			return number
	return None


def points_down(arrow: Arrow) -> bool:
	start, end = level(arrow.start), level(arrow.end)
	if any(arrow.start == low and fnmatch(arrow.end, high) for low, high in REGISTRIES):
		return arrow.place.is_text
	return start is not None and end is not None and start < end


def circle(pairs: Iterable[tuple[str, str]]) -> list[str]:
	"""One way that comes back to where it began, or []."""
	graph: dict[str, set[str]] = {}
	for start, end in pairs:
		graph.setdefault(start, set()).add(end)
	try:
		TopologicalSorter(graph).prepare()
	except CycleError as error:
		return error.args[1]
	return []


def module_pairs() -> Iterator[tuple[str, str]]:
	"""Who loads whom, module by module, inside rooms as well. Imports for type checkers load nothing."""
	known = {module_of(path) for path in files()}
	for path in files():
		for place in imports_of(path):
			if place.is_type:
				continue
			target = place.module if place.module in known else place.module.rpartition(".")[0]
			if target in known and target != module_of(path):
				yield module_of(path), target
