"""Charts of report pages."""
