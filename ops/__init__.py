"""What a person runs: the command line, what it shows, and the AWS on this machine."""
