"""The networks: L* in, ab out.

A network is built from a frozen NetworkConfig, which travels inside the checkpoint.
"""
