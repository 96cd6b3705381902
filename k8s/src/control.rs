//! How does a change of objects become a compiled configuration?
