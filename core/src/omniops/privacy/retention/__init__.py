"""Retention: what goes when, planned before it goes, and what a legal hold keeps."""
