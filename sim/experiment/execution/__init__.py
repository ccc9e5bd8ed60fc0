"""Where points run: executors, workers, folders of runs."""
