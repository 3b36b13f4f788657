"""`python -m oropendola_payments.simulator [--port 8900]`: serve the simulated providers until Ctrl-C."""

import argparse
import threading
import time
from collections.abc import Sequence
from contextlib import suppress

from oropendola_payments.simulator.core.server import Simulator

DEFAULT_PORT = 8900


def main(arguments: Sequence[str] | None = None) -> int:
	parser = argparse.ArgumentParser(
		prog="payment-simulator", description="Simulate the payment providers on this machine."
	)
	parser.add_argument("--port", type=int, default=DEFAULT_PORT)
	serve(parser.parse_args(arguments).port)
	return 0


def serve(port: int = DEFAULT_PORT) -> None:
	"""Serve until Ctrl-C, and post webhooks once a provider is configured with the address of the site."""
	# A restarted simulator must not use ids that a site already knows.
	with Simulator(port, webhooks="auto", first_number=int(time.time())) as simulator:
		print(f"Payment simulator on {simulator.url} (no real money). Stop it with Ctrl-C.", flush=True)
		with suppress(KeyboardInterrupt):
			threading.Event().wait()
