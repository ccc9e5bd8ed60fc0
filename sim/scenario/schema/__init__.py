"""The schema of scenarios and studies: one module per part of the file."""
