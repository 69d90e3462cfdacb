"""What operators do about personal data: erase a customer, give them what is known of them, keep the keys safe."""
