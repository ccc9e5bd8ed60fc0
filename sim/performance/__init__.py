"""Step times and power curves of accelerators: measured, fitted or physical."""
