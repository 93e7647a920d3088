"""Linear response: the chain linearised about rest or about steady flow."""
