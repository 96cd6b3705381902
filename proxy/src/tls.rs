//! Which certificate, and what did the handshake settle?
