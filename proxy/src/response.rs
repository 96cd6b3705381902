//! What does the client get?
