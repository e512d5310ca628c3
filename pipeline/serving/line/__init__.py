"""The ways out to the line, each a module of its own: webhook, MQTT, OPC UA."""
