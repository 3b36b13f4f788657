"""The shape of every answer, for `@endpoint(answer=...)`: what the HTTP API promises, in the words of docs/api.md."""
