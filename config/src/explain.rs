//! Why does this request go where it goes?
