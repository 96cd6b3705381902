//! How does a connection arrive?
