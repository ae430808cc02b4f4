"""/internal: what is not for people, such as the agents' protocol."""
