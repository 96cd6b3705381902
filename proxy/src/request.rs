//! What has this request learned so far?
