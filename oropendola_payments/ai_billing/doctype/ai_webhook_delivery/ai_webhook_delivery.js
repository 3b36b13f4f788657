frappe.ui.form.on("AI Webhook Delivery", {
	refresh(frm) {
		if (!frm.doc.__onload?.can_resend) return;
		frm.add_custom_button(__("Resend"), async () => {
			const answer = await oropendola.call("webhook_endpoints.resend", { delivery: frm.doc.name });
			if (answer) oropendola.done(frm, __("The event is sent again."));
		});
	},
});
