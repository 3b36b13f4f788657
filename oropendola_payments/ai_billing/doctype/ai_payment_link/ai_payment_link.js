frappe.ui.form.on("AI Payment Link", {
	refresh(frm) {
		if (!frm.doc.__onload?.can_revoke) return;
		frm.add_custom_button(__("Revoke"), () =>
			frappe.confirm(
				__("Nobody can start a payment through this link any more. Revoke it?"),
				async () => {
					const answer = await oropendola.call("links.revoke", { link: frm.doc.name });
					if (answer) oropendola.done(frm, __("The link was revoked."));
				}
			)
		);
	},
});
