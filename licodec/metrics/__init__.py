"""What people see of an error: two pictures go in, SSIMULACRA 2 or Butteraugli comes out.

Own implementations of published metrics, in torch, for measuring: no gradients, and nothing that
`pip install licodec` does not bring. `licodec bench` and `licodec compare` report them.
"""
