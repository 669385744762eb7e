"""The jobs of a cluster: list them, read their logs, end them."""
