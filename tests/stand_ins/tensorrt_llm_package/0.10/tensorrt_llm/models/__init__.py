"""Stands in for models."""
