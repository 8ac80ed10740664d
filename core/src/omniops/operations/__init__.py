"""Setting up, looking after and diagnosing a deployment."""
