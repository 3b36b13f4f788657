"""JSON-RPC and the revisions of the protocol. Stateless: each request says everything about itself."""
