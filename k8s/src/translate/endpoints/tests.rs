//! Is a endpoints translated as its specification says?
