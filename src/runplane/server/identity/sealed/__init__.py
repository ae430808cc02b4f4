"""What the key-encryption key has sealed: counted, and sealed again with another key."""
