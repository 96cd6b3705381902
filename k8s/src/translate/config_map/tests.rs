//! Is a config_map translated as its specification says?
