"""The controller in a cluster: custom resources in, reconciles out, and nothing decided here that a command line would not."""
