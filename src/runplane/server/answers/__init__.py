"""The answers of creates, kept for requests that are repeated."""
