// Cashfree has no address to link to: its script opens the pay page. With _self the promise never ends.
(window.paymentDrivers ??= {}).cashfree = async ({ config, finished, failed }) => {
	const { mode, ...options } = config;
	const result = await window.Cashfree({ mode }).checkout(options);
	return result?.error ? failed() : finished();
};
