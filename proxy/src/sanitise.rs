//! Is this request unambiguous?
