frappe.ui.form.on("AI Webhook Endpoint", {
	refresh(frm) {
		const can = frm.doc.__onload?.actions || {};
		const endpoint = frm.doc.name;
		const add = (allowed, label, work, group) => {
			if (allowed) frm.add_custom_button(label, work, group);
		};
		const call = async (method, sentence, args = {}) => {
			const answer = await oropendola.call(`webhook_endpoints.${method}`, { endpoint, ...args });
			if (answer) oropendola.done(frm, sentence);
			return answer;
		};
		add(can.test, __("Send test event"), () =>
			call("send_test_event", __("A test event is on its way."))
		);
		add(can.resend, __("Resend failed"), () =>
			oropendola.ask(
				__("Resend failed"),
				[{ fieldname: "since", fieldtype: "Datetime", label: __("Given up since"), reqd: 1 }],
				__("Resend failed"),
				({ since }) => call("resend_failed", __("What was given up is sent again."), { since })
			)
		);
		add(can.disable, __("Disable"), () =>
			frappe.confirm(__("What waits for this endpoint is given up. Disable it?"), () =>
				call("disable", __("The endpoint is disabled."))
			)
		);
		add(can.enable, __("Enable"), () => call("enable", __("The endpoint is enabled.")));
		add(can.rotate, __("Rotate secret"), () =>
			frappe.confirm(__("The old secret signs too for 24 hours. Create a new one?"), async () => {
				const answer = await oropendola.call("webhook_endpoints.rotate_secret", {
					endpoint,
				});
				if (answer) oropendola.show_once(__("Signing secret"), answer.secret, () => frm.reload_doc());
			})
		);
		add(can.remove, __("Delete"), () =>
			frappe.confirm(__("The secret and the log are deleted too. Delete the endpoint?"), async () => {
				const answer = await oropendola.call("webhook_endpoints.delete", { endpoint });
				if (answer) frappe.set_route("List", "AI Webhook Endpoint");
			})
		);
	},
});
