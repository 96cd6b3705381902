//! How do the parts fit together?
