"""The public endpoints, by the name in their address."""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import frappe

from oropendola_payments import api
from oropendola_payments.api.contract import Contract


@dataclass(frozen=True)
class Endpoint:
	name: str  # payment.initiate_payment
	contract: Contract
	methods: tuple[str, ...]

	@property
	def path(self) -> str:
		return f"/api/method/{api.__name__}.{self.name}"

	@property
	def is_read_by_get(self) -> bool:
		return "GET" in self.methods

	@property
	def summary(self) -> str:
		return (self.contract.function.__doc__ or "").strip().partition("\n")[0]


def modules() -> list[ModuleType]:
	found = pkgutil.iter_modules(api.__path__, f"{api.__name__}.")
	return [import_module(module.name) for module in found if not _is_a_test(module.name)]


def _is_a_test(name: str) -> bool:
	return name.rpartition(".")[2].startswith("test_")


def public_endpoints() -> list[Endpoint]:
	"""Every endpoint that describes what it promises, in the order of their names."""
	found = [endpoint for module in modules() for endpoint in _endpoints_in(module)]
	return sorted(found, key=lambda endpoint: endpoint.name)


def _endpoints_in(module: ModuleType) -> Iterator[Endpoint]:
	for name, function in vars(module).items():
		contract = getattr(function, "contract", None)
		if isinstance(contract, Contract) and function.__module__ == module.__name__:
			noun = module.__name__.removeprefix(f"{api.__name__}.")
			yield Endpoint(f"{noun}.{name}", contract, _methods(function))


def _methods(function: Callable) -> tuple[str, ...]:
	return tuple(frappe.allowed_http_methods_for_whitelisted_func[function])
