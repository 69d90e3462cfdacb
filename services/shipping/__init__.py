"""The shipping service: from a released order to the parcel on the doorstep."""
