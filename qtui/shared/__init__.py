"""What all screens share: the session, a look at Redis, and the messages between threads, screens and the App."""
