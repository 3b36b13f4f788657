frappe.ui.form.on("AI API Key", {
	refresh(frm) {
		if (frm.doc.__onload?.can_revoke) frm.add_custom_button(__("Revoke key"), () => revoke_key(frm));
	},
});

function revoke_key(frm) {
	const revoke = async () => {
		const answer = await oropendola.call("admin.revoke_api_key", { key_id: frm.doc.name });
		if (answer) oropendola.done(frm, __("The key was revoked and no longer works."));
	};
	const question = __("Programs that use this key stop working at once. Revoke it?");
	frappe.warn(__("Revoke this API key"), question, revoke, __("Revoke key"));
}
