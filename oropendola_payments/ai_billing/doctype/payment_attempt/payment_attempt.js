frappe.ui.form.on("Payment Attempt", {
	refresh(frm) {
		if (frm.doc.__onload?.can_ask)
			frm.add_custom_button(__("Ask gateway now"), () => oropendola.ask_gateway(frm, frm.doc.name));
	},
});
