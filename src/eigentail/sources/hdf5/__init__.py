"""HDF5 -> arrays and where they lie, and the layers of Keras that they belong to."""
