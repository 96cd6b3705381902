//! Do the admin endpoints answer over real sockets as documented?
