"""Who may use the proxy, and what they used. See config.yaml."""

import os

from oropendola_usage import AsyncClient
from oropendola_usage.litellm import Hooks

hooks = Hooks(AsyncClient(os.environ.get("SITE", "http://localhost:8000")))
user_api_key_auth = hooks.user_api_key_auth
usage = hooks.logger()
