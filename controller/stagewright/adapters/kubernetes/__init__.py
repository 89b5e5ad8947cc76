"""The Kubernetes API: one cluster, spoken to by its official client."""
