"""What is asked: settings of datasets, methods and experiments, read from YAML and checked."""
