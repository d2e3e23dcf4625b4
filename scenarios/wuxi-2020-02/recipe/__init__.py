"""What the Wuxi scenario is made of, one module per kind of table."""
