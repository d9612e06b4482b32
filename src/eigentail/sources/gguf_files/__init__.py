"""GGUF: its header, and the types of its tensors."""
