"""Claims about the model, the particles and the library, each checked in numbers."""
