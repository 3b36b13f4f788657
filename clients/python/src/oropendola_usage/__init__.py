"""Check API keys of Oropendola Payments in front of a model server.

`Meter` and `AsyncMeter` decide locally, from leases that they keep, whether a call may pass. `Client` and `AsyncClient` are the plain
HTTP interface.
"""

from oropendola_usage.aio import AsyncClient, AsyncMeter, httpx_sender
from oropendola_usage.client import Client
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.keeper import Policy
from oropendola_usage.meter import Meter

__all__ = ["AsyncClient", "AsyncMeter", "Client", "Meter", "Policy", "Refused", "Unavailable", "httpx_sender"]
