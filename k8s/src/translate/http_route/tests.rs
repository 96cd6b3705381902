//! Is a http_route translated as its specification says?
