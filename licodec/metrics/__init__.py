"""What people see of an error between two pictures: SSIMULACRA 2 and Butteraugli.

Own implementations of published metrics, in torch, for measuring: no gradients, and nothing that
`pip install licodec` does not bring. `licodec bench` and `licodec compare` report them.
"""
