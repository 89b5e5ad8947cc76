"""The controller in a cluster: custom resources in, reconciles out. It decides nothing that a command line would not."""
