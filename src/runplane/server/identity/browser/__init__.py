"""Sessions that browsers hold: the cookie side of signing in to the console (ADR 0024)."""

from __future__ import annotations

from runplane.server.identity.browser.service import BrowserSession, BrowserSessions, Opened

__all__ = ["BrowserSession", "BrowserSessions", "Opened"]
