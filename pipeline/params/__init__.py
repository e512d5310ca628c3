"""The settings of params.yaml: their schema, the project's paths and the presets."""
