"""The published language of Doorstep: events, value types and their versions. Imports pydantic only."""
