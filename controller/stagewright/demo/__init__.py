"""The main job on one machine, played with real servers, real keys and a real repository."""
