"""The controller in a cluster: custom resources in, reconciles out. It decides nothing a command line would not."""
