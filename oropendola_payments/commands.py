"""Bench commands."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import frappe
from frappe.commands import get_site, pass_context

T = TypeVar("T")


@click.command("verify-payment-audit")
@pass_context
def verify_payment_audit(context: Any) -> None:
	"""Walk the audit trail's chains and name the first broken link."""
	from oropendola_payments.engine.monitoring.audit import verify

	result = _on_site(context, verify)
	click.echo(json.dumps(result, indent=1))
	sys.exit(1 if result["broken"] else 0)


@click.command("check-payment-invariants")
@pass_context
def check_payment_invariants(context: Any) -> None:
	"""Check the invariants and list the records that violate one."""
	from oropendola_payments.engine.monitoring.invariants import check

	broken = _on_site(context, check)
	click.echo(json.dumps(broken, indent=1) if broken else "All invariants hold.")
	sys.exit(1 if broken else 0)


@click.command("import-payouts")
@click.argument("gateway")
@click.argument("path", type=click.Path(exists=True, dir_okay=False))
@pass_context
def import_payouts(context: Any, gateway: str, path: str) -> None:
	"""Import a settlement report of a gateway, with its saved mapping. For files that are too large to upload."""
	from oropendola_payments.engine.payouts.imports import import_file

	with Path(path).open("rb") as report:
		result = _on_site(context, lambda: import_file(gateway, report))
	click.echo(json.dumps(result, indent=1))


@click.command("payment-simulator")
@click.option("--port", default=8900, show_default=True, help="Port on 127.0.0.1")
def payment_simulator(port: int) -> None:
	"""Simulate all payment gateways on this machine. No real money is moved."""
	from oropendola_payments.simulator.command import serve

	serve(port)


def _on_site(context: Any, work: Callable[[], T]) -> T:
	frappe.init(site=get_site(context))
	frappe.connect()
	try:
		return work()
	finally:
		frappe.destroy()


commands = [verify_payment_audit, check_payment_invariants, import_payouts, payment_simulator]
