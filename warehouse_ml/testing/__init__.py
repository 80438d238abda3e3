"""What users test their own deployments with."""
