"""Signing in elsewhere: how a command line gets tokens from what a person does in a browser.

Two ways, one end: an authorization code that comes back by redirection (RFC 6749 section 4.1 with PKCE), and
a device code that is asked for again and again (RFC 8628). Both wait for a person with a browser session.
"""
