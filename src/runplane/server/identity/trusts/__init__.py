"""Trusts: tokens of other issuers that are exchanged for short ones of a service account."""
