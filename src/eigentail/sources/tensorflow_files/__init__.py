"""TensorFlow's graphs, bundles and flatbuffers -> what its formats are read with."""
