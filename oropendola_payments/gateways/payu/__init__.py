"""PayU India, classic integration: a form that the browser posts, and the General API for everything else."""
