//! Is a secret translated as its specification says?
