"""Reward hacking: a judge learns from labels that go with length, and a student learns from that judge."""
