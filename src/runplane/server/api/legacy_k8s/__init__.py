"""/v1/k8s/…: translators from the oldest dialects to today's services; no tables of their own."""
