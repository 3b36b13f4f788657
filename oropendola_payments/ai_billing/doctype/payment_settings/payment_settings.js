frappe.ui.form.on("Payment Settings", {
	refresh(frm) {
		if (frm.doc.__onload?.can_rotate_secret && frm.doc.frontends?.length) {
			frm.add_custom_button(__("Create a signing secret"), () => rotate_secret(frm));
		}
		const site = frm.doc.__onload?.live_site;
		// The first Live gateway of a new site confirms it by itself; only a copy has to be asked about.
		if (!site || site.confirmed || !frm.doc.confirmed_site) return;
		frm.add_custom_button(__("Confirm this site for live payments"), () =>
			confirm_site(frm, site.this_site)
		);
	},
});

function rotate_secret(frm) {
	if (!oropendola.is_saved(frm)) return;
	const question = __(
		"A new secret signs at once. The one before signs as well for 24 hours, and no longer. Create a new one?"
	);
	frappe.confirm(question, async () => {
		const answer = await oropendola.call("admin.rotate_frontend_secret", {});
		if (answer) oropendola.show_once(__("Signing secret"), answer.secret, () => frm.reload_doc());
	});
}

function confirm_site(frm, name) {
	if (!oropendola.is_saved(frm)) return;
	const question = __(
		"Live gateways will take and refund real money on {0}. Is this the real site, not a copy of it?",
		[name]
	);
	frappe.confirm(frappe.utils.escape_html(question), async () => {
		const answer = await oropendola.call("admin.confirm_live_site", {});
		if (answer)
			oropendola.done(
				frm,
				__("This site is now confirmed for live payments: {0}.", [answer.confirmed_site])
			);
	});
}
