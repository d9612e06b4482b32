"""GRAPHS -> named weights: what every graph format shares, protobuf, and ONNX."""
