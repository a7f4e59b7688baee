"""Any JSON API as a system: wholly declared in one YAML file (`syncline.connectors.rest.declaration`)."""
