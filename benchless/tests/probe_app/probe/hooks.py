app_name = "probe"
app_title = "Probe"

website_route_rules = [{"from_route": "/greet/<person>", "to_route": "greeting"}]
page_renderer = ["probe.api.Renderer"]
auth_hooks = ["probe.api.log_in_by_probe_key"]
scheduler_events = {"cron": {"*/5 * * * *": ["probe.api.scheduled"]}}
