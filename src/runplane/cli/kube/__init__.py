"""Tokens for Kubernetes: the credential plugin, and edits of kubeconfig files."""
