"""The OpenAPI document and the Postman collection, made of the endpoints themselves and of docs/api.md."""
