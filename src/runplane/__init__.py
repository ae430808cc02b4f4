"""runplane: a self-hosted control plane for AI compute that speaks the Run:ai REST API."""

__version__ = "0.1.0"
