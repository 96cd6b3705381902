//! Does the explanation say what the search does?
