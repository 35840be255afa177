"""Lambda's execution environment: warm worker processes around AWS's own runtime client."""
