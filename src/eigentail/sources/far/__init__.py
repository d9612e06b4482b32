"""ADDRESSES -> ranges of bytes: the web, object stores, the Hugging Face Hub, Ollama's folder."""
