"""The resources of a pipeline, one file each; `provision.resource` says what a resource is."""
