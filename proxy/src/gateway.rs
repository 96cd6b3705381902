//! Which stage runs in which pingora phase?
