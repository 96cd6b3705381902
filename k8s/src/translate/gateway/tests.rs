//! Is a gateway translated as its specification says?
