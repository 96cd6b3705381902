//! What is the normal form of a path?
