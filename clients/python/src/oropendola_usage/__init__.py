"""Check API keys of Oropendola Payments in front of a model server.

`Meter` decides locally, from leases that it keeps, whether a call may pass. `Client` is the plain HTTP interface.
"""

from oropendola_usage.client import Client
from oropendola_usage.errors import Refused, Unavailable
from oropendola_usage.meter import Meter

__all__ = ["Client", "Meter", "Refused", "Unavailable"]
