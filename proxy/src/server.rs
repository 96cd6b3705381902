//! Which listeners and tasks run?
