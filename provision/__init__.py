"""Creates and removes the pipeline's resources; knows nothing of the command line."""
