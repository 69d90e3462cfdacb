"""What is needed to run Doorstep somewhere: images, manifests, NATS users, secrets."""
