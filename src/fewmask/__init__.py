"""Fewmask."""
