//! What do we tell of the process itself?
