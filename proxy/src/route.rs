//! Which rule takes this request?
