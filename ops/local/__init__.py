"""The local AWS: moto's server made faithful, running the deployed function for real."""
