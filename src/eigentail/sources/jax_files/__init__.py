"""Orbax, MessagePack and arrays by name -> the weights of JAX models, laid out as elsewhere."""
