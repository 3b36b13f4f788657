frappe.ui.form.on("Payment Webhook Log", {
	refresh(frm) {
		if (!frm.doc.__onload?.can_replay) return;
		frm.add_custom_button(__("Replay"), async () => {
			if (await oropendola.replay([frm.doc.name])) frm.reload_doc();
		});
	},
});
