"""Reports: what is known of the use of the organization's resources, as files made in the background."""
