"""Faults found on the processing side: each test fails until its fault is mended."""
