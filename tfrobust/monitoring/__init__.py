"""Monitoring: what people see of a run while it trains."""
