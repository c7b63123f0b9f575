"""How far a decoded picture is from its original: SSIMULACRA 2, Butteraugli, and squared error.

The first two are implementations of published metrics in torch, which need nothing that
`pip install licodec` does not bring. `ssimulacra2` and `butteraugli` measure whole pictures;
`visual_distance` and `butteraugli_distance` are for batches and have gradients.
"""
