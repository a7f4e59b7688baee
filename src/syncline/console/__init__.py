"""The console: how things stand and what is to be decided, in a browser. Served by `syncline console`."""
